"""One module a command; each has `main`, which returns the exit status.

demo    from nothing to filtered pictures in one go; with --chaos under every fault
deploy  starts everything on this machine or a cluster
stress  heavy work for a system that runs
purge   a new run of it
bench   speed against what a user would write instead
scale   how the system behaves with a million items
launch  what deploy and demo share

In: arguments. Out: lines for people on the terminal, or one JSON document.
"""
