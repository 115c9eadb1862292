"""One item: read, decode, render, encode, write.

rendering    one picture, from bytes to bytes: knows no service
branches     what rendering is asked for, and what it gives: the files of one picture
attempt      one try at one item: read, render, write
cache        files that were made before, by content and terms
assignment   the items that an engine is given at once
process      the engine process, and what starts and watches it
slot_status  what each slot has in hand, in shared memory
drain        the mark by which the slots of a worker learn to begin nothing more
allocator    the environment for a process that renders

In: an assignment. Out: an outcome for each item; files in the store. Imports neither Ray nor Redis.
"""
