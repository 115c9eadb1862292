"""The benchmark: this system and other tools, in turns, on the same pictures.

pictures    one picture of a set, made from a sample
sets        the sets S, M, L, P and W
jobs        the jobs that are timed: a set and a pipeline
pillow_way  the same pipelines in plain Pillow
tools       this system, and hand-written pools of processes
pool        the work of one process of such a pool
peers       the others: sharp, pyvips, ImageMagick, thumbor, Celery, Dask, Ray Data
reference   the pipelines in exact numbers
quality     the difference of outputs from exact numbers, in dB
memory      the memory of a tree of processes
large       the memory of one picture of 104 megapixels
turns       the rounds, and the ratios between the tools
variants    the processor time of several files from one decode, and from one each
promises    the other promises: latency, a large request, memory of Redis
table       the results as a table
simulation  a batch of 10^8 items without its pictures; `noop_slots` runs chunks without work
"""
