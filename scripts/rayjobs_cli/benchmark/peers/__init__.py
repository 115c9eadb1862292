"""The peers: what a user would pick instead, each in an environment of its own, two processes each.

A peer is a program that reads lines of JSON (`program`), or, where it has no state, a `Tool` of its own.

roster      every peer by its name, and how it is started
provision   their environments, from pinned locks below the state directory
program     a peer's program, as the benchmark sees it
serving     the same, as the program sees it
imagemagick mogrify, two processes, many pictures each

The programs: `celery_peer`, `dask_peer`, `pyvips_peer`, `ray_data_peer`, `thumbor_peer`, and sharp_peer.mjs.
"""
