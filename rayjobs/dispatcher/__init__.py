"""The dispatcher: claims chunks, starts them on slots, settles what comes back.

loop       the one active dispatcher: its threads and its turns
in_flight  the chunks that are out, and when a second attempt is worth it
liveness   a file whose time of change shows that the loop still turns

In: the registry's queue, the executor's results. Out: settled leases, closed batches.
"""
