"""The registry on Redis.

keys       the layout: every key, its type, what it holds and how long
scripts    the Lua scripts of `lua/`, each behind the same prelude; `model` fills in the state machine
registry   the port: each method is one script, so each is atomic
restoring  the part of the port by which the registry follows the record
channel    the channel on which batches are announced

In: calls of the port `Registry`. Out: values of `model`; `RegistryUnavailableError` where Redis is away.
"""
