"""The values that all other packages use; no I/O.

batch   the state machine, the verbs, the counts, and a batch as clients see it
terms   what a batch's document says about how its items are run
item    an item of a batch, and its outcome
ranges  runs of items, which the queue holds instead of a record for each item
lease   a claimed range with its token; its tally; the size of the next chunk
worker  a worker as its heartbeat describes it
ids     ids of batches and uploads: they sort by age

In: nothing. Out: frozen values. Every package may import these modules.
"""
