"""The registry and the store in memory, for tests; they pass the contract suites of the real ones.

registry   the port `Registry`
restoring  its part that follows the record
batch      one batch inside of it
queue      the queue's figures
workers    who leads, and which workers are registered
store      the port `Store`

In: calls of the ports. Out: what the adapters of Redis and of files return, errors too.
"""
