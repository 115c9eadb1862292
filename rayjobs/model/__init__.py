"""The values that everything else speaks of; no I/O.

batch   the state machine, the verbs, the counts, and a batch as clients see it
item    an item of a batch, and its outcome
ranges  runs of items: what the queue holds instead of a record for each item
lease   a claimed range with its token, its tally when it comes back, and the size of the next one
worker  what a worker says of itself in a heartbeat
ids     ids of batches and uploads: they sort by age

In: nothing. Out: frozen values. Anybody may import it.
"""
