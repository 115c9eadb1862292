"""The durable record of batches: all that outlives the loss of Redis.

layout       where each part of a batch's record stands in the store, and how it is written and read
commits      what became of the items: one commit file a chunk
schema       what each kind of file must hold; damage is found out here and named
journal      the log of a batch: every change of its state
replay       the state of a batch, by its record alone
idempotency  the keys of submissions
isolation    keeps what one damaged record breaks from all other batches

In: batches, outcomes, keys. Out: the same again; `RecordUnreadableError` with a remedy. Needs only the port
`Store`.
"""
