"""One item: read, decode, render, encode, write.

rendering    renders one picture, from bytes to bytes; knows no service
branches     the values of rendering: the branches that it takes, the files that it returns
attempt      one attempt at one item: read, render, write
cache        finds files that were made before, by content and terms
assignment   the items that an engine gets at once, and the protocol of an engine
process      the engine process, its supervisor and its fork server
slot_status  what each slot has in hand, in shared memory
drain        the mark that makes the slots of a worker begin no more items
allocator    the environment for a process that renders

In: an assignment. Out: an outcome for each item; files in the store. Imports neither Ray nor Redis.
"""
