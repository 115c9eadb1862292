"""The routes: each parses, calls the core once, and answers.

batches    submit, list, watch, steer, retry, delete
items      pages of items, one item, its picture, all results
uploads    pictures that are sent
preview    one picture through a pipeline, while the client waits
presets    pipelines with a name and versions
catalogue  filters and formats
workers    workers, queue, purge
legacy     the two routes of the first version
page       the pages that people open in a browser
system     alive, ready, metrics

In: HTTP. Out: HTTP. Only `app` imports them.
"""
