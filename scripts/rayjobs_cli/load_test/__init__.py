"""A run from purge to verdict, and its report.

runner           the whole run
load             the batches that are sent
poller           looks at the batches, and on a cluster at the worker group, until both have come to rest
snapshot         the system at one moment of a run
columns          what a row of the live table shows
watch            shows the table
verdict          whether a run did all that was asked of it; pure
scaling_summary  how the worker group grew and shrank; pure
report           one page with charts, tables and pictures

In: a client and the size of the load. Out: a verdict.
"""
