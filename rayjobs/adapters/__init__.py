"""The adapters: each answers a port of the core with a service of the outside.

redis            the registry on Redis
memory           the registry and the store in memory: twins under the same contract suites
file_store       the store in a folder
ray_executor     chunks as Ray tasks
inline_executor  chunks in threads of this process

In: calls of a port. Out: values of `model`, errors of the tree. Only composition roots import an adapter;
only these modules import the clients of Redis and Ray.
"""
