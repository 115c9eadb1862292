"""The benchmark: this system and what a user would write instead, in turns, on the same pictures.

pictures    one picture of a set, made from a sample
sets        the sets S, M, L, P and W
jobs        what is timed: a set and a pipeline
pillow_way  the same pipelines in plain Pillow
tools       what takes turns: this system, and hand-written pools of processes
pool        the work of one process of such a pool
peers       the others: sharp, pyvips, ImageMagick, thumbor, Celery, Dask, Ray Data
reference   the same pipelines in exact numbers
quality     how near a tool's outputs are to them, in dB
memory      the memory of a tree of processes
large       the memory of one picture of 104 megapixels
turns       the rounds, and the ratios that come of them
variants    what a file of several costs that are made from one decode
promises    what is promised besides speed: latency, a large request, memory of Redis
table       all that for people
simulation  a batch of 10^8 items without its pictures; `noop_slots` has slots that do nothing to them
"""
