"""The routes: each route parses a request, calls the core once, and answers.

batches    submit, list, watch, steer, retry, delete
items      pages of items, one item, its picture, all results
uploads    stores the pictures that clients send
preview    runs a pipeline over one picture while the client waits
presets    pipelines with a name and versions
catalogue  filters and formats
workers    workers, queue, purge
legacy     the two routes of the first version
page       the pages that people open in a browser
system     liveness, readiness, metrics

In: HTTP. Out: HTTP. Only `app` imports them.
"""
