"""What keeps registry and record in step while processes come and go.

reaper    takes back leases whose holder is gone, and closes batches that have nothing left to do
recovery  makes the registry follow the record after a loss, a purge, or a disagreement
purge     begins a new run
tidying   removes what killed processes left in the store
pausing   pauses a batch whose record can't be read or whose store is full

In: ports and the record. Out: changes of both. The dispatcher and the services call it.
"""
