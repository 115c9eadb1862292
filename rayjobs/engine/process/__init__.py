"""An engine in a process of its own, so that a bad picture ends nothing but that process.

supervisor     in the slot or the API: starts, watches and replaces the process, finds the item to blame
fork_server    a process that has imported all codecs, and forks engine processes in milliseconds
channel        the pipes between slot and engine process
item_pipeline  in the engine process: reads ahead, renders, writes behind

In: assignments. Out: outcomes; also the outcome of an item that ended the process.
"""
