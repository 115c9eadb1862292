"""A worker: a machine with its slots.

agent         registers the worker by heartbeats; never decodes
chunk_runner  runs a chunk in a slot: an engine carries the items out, the runner commits the outcomes

In: a lease. Out: a tally, a commit file. Neither of these modules knows Ray.
"""
