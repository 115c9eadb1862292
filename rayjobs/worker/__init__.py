"""A worker: a machine with its slots.

agent         registers the worker by heartbeats; never decodes
chunk_runner  what a slot does with a chunk: has an engine carry it out, and commits the outcomes

In: a lease. Out: a tally, a commit file. Neither of the two knows Ray.
"""
