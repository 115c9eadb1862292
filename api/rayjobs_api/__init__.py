"""HTTP in, one call of the core, HTTP out; stateless, and without Ray.

__main__      serves the app that `app` composes
app           the composition root: adapters, middleware, routers, error handlers
routes/       one file a group of routes; a route is a few lines
access        who may call
dependencies  what a route may ask for: the core, a JSON body
forms         the request for a batch in either of its forms, and pointers into the form that was sent
models        queries, and the bodies of other routes
answers       what is answered, as the OpenAPI document shows it; `forecasts` what would be
errors        the one table of statuses; problem+json
arriving, bell, events, metrics, multipart, observing, openapi    one mechanism each
static/       the pages of `/` and `/docs`; they load nothing from elsewhere
"""
