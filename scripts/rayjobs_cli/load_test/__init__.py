"""A run from purge to verdict, and its report.

runner      the whole run
load        sends the batches, and checks their outputs
poller      polls the batches, and on a cluster the worker group, until both are at rest
snapshot    the system at one moment of a run
live_table  shows snapshots: a table on a terminal, plain rows elsewhere
verdict     whether a run did all that it should; pure
report      one page with charts, tables and pictures
summary     prints the verdict, and how the worker group grew and shrank

In: a client and the size of the load. Out: a verdict.
"""
