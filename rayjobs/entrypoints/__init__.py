"""The processes of the core. Each module puts the parts of one together: only here adapters are picked.

dispatcher  `python -m rayjobs.entrypoints.dispatcher`
agent       `python -m rayjobs.entrypoints.agent`
slot        what a Ray task runs, built once in each of Ray's processes
engine      `python -m rayjobs.entrypoints.engine`: the fork server and its engine processes
process     what dispatcher and agent have in common

In: the environment, as settings. Out: an exit status.
"""
