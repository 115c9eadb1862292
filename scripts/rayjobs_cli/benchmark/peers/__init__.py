"""The peers: other tools that a user could choose, each in its own environment.

A peer is a program that reads lines of JSON (`program`), or, without a state, a `Tool` of its own.

roster      starts every peer by its name
provision   makes their environments from pinned locks, under the state directory
program     a peer's program, as the benchmark sees it
serving     the same protocol, as the program sees it
imagemagick mogrify, two processes, many pictures each

The programs: `celery_peer`, `dask_peer`, `pyvips_peer`, `ray_data_peer`, `thumbor_peer`, and sharp_peer.mjs.
"""
