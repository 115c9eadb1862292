"""HTTP in, one call of the core, HTTP out; stateless, and without Ray.

__main__    serves the app
app         the composition root: adapters, middleware, routers, error handlers
routes      one file a group of routes; a route is a few lines
requests    what a request holds, and who may send it
streaming   events of batches, as server-sent events
responses   what is answered, as the OpenAPI document shows it; `forecasts`: what would be
errors      the one table of statuses; problem+json
middleware  round every request: id, time, log line, headers
metrics     what Prometheus reads
openapi     the OpenAPI document
static      the pages of `/` and `/docs`; they load nothing from elsewhere
"""
