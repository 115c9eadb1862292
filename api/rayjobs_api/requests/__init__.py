"""Parses and bounds every request before a route gets it.

access        checks who may call
dependencies  give a route the core, the actor and a JSON body
forms         the request for a batch, in the short or long form; pointers lead into the form that was sent
models        queries, and the bodies of other routes
body_stream   reads a body while it arrives
multipart     reads the files of a multipart body while they arrive

In: a request. Out: typed values, or an error with its pointer. The routes import it.
"""
