"""The HTTP API: it parses a request, calls the core once, and answers. It has no state, and no Ray.

__main__    serves the app
app         the composition root: adapters, middleware, routers, error handlers
routes      one file for each group of routes; a route is a few lines
requests    parses requests, and checks who may send them
streaming   sends events and long bodies while they are made
responses   models of the answers, for the OpenAPI document
errors      maps each error to its HTTP status and to problem+json
middleware  gives each request an id, a measured time, a log line and headers
metrics     the metrics for Prometheus
openapi     makes the OpenAPI document
static      the pages of `/` and `/docs`; they load nothing from other sites
"""
