"""An engine in a process of its own, so that a bad picture takes nothing along but itself.

supervisor     in the slot: starts the process, watches it, replaces it, and says which item ended it
fork_server    a process that has imported all codecs, and forks engine processes in milliseconds
channel        the pipes between slot and engine process
item_pipeline  in the engine process: reads ahead, renders, writes behind

In: assignments. Out: outcomes; also those of items that ended the process.
"""
