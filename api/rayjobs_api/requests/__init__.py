"""What a request holds, parsed and bounded before a route sees it.

access        who may call
dependencies  what a route may ask for: the core, a JSON body
forms         the request for a batch, in its short or long form, with pointers into the form that was sent
models        queries, and the bodies of other routes
body_stream   a body while it arrives
multipart     a multipart body as files that are read while they arrive

In: a request. Out: typed values, or an error with its pointer. The routes import it.
"""
