"""What the API calls: one method for each thing that a client may want.

submissions  submit, retry, pause, cancel, delete, purge, upload
queries      batches, items and results, from the registry and the record
previews     one picture through a pipeline, while the client waits
estimates    the cost of a batch, by a sample of its items that is really run
render_pool  the engine processes of previews and estimates

In: parsed requests. Out: batches, items, files; errors of the tree. Knows no HTTP.
"""
