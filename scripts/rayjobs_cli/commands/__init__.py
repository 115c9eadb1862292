"""One module for each command; its `main` returns the exit status.

demo    starts a system, runs a load test, and ends it; with --chaos under every fault
deploy  starts a system on this machine or on a cluster, and ends it
stress  runs a load test on a system that runs
purge   cancels every batch and begins a new run
bench   measures speed in turns with other tools
scale   measures a batch of a million items
launch  starts and ends a system, for deploy and demo

In: arguments. Out: lines for people on the terminal, or one JSON document.
"""
