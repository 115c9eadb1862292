"""The processes of the core. Each module puts one process together; only here are adapters picked.

dispatcher  `python -m rayjobs.entrypoints.dispatcher`
agent       `python -m rayjobs.entrypoints.agent`
slot        what a Ray task runs: one `Slot`, built once in each of Ray's processes
engine      `python -m rayjobs.entrypoints.engine`: the fork server and its engine processes
process     what these processes share: settings, signals, exit statuses

In: the environment, as settings. Out: an exit status.
"""
