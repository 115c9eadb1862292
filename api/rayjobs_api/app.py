"""The composition root of the API: adapters, middleware, routers, error handlers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from threading import Event, Lock
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from typing_extensions import override

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.engine.process.supervisor import engine_supervisor
from rayjobs.filters import plugins
from rayjobs.filters.plugins import announce
from rayjobs.ports import Registry, Store
from rayjobs.record.layout import Record
from rayjobs.request.sources import Sources
from rayjobs.service.estimates import Estimates
from rayjobs.service.previews import Previews
from rayjobs.service.queries import Queries
from rayjobs.service.render_pool import RenderPool
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings
from rayjobs_api import errors, openapi
from rayjobs_api.metrics import Metrics
from rayjobs_api.middleware import RequestLog
from rayjobs_api.requests.access import authorize
from rayjobs_api.requests.dependencies import Core
from rayjobs_api.routes import (
    batches,
    catalogue,
    items,
    legacy,
    page,
    presets,
    preview,
    system,
    uploads,
    workers,
)
from rayjobs_api.streaming.notifier import Notifier

_DESCRIPTION = "Runs a pipeline of filters over a set of pictures. Every route is at `/v1` too."
_making_the_document = Lock()
"""FastAPI makes the document from the models of the routes; two threads would disturb each other."""


class App(FastAPI):
    """The FastAPI application, with our own OpenAPI document."""

    @override
    def openapi(self) -> dict[str, Any]:
        with _making_the_document:
            return openapi.document(self)


def create_app(settings: Settings, registry: Registry | None = None, store: Store | None = None) -> FastAPI:
    """Return the application; it opens no connection before the first request.

    Args:
        settings: The settings that every part of rayjobs reads.
        registry: Replaces the Redis of the settings.
        store: Replaces the folder of the settings.

    Raises:
        StoreUnavailableError: The store of the settings can't be used.
    """
    core = _composed(
        settings, registry or RedisRegistry.connect(settings), store or FileStore(settings.store)
    )
    app = App(
        title="rayjobs",
        version=version("rayjobs"),
        description=_DESCRIPTION,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_lifespan,
    )
    app.state.core = core
    app.state.metrics = Metrics(core.registry)
    app.add_middleware(RequestLog, seconds=app.state.metrics.seconds)
    errors.install(app)
    app.mount("/static", StaticFiles(directory=page.STATIC))
    routes = _all_routes()
    app.include_router(routes)
    app.include_router(routes, prefix="/v1", include_in_schema=False)
    return app


def _composed(settings: Settings, registry: Registry, store: Store) -> Core:
    record = Record(store)
    closing = Event()
    submissions = Submissions(registry, record, settings)
    sources = Sources(settings, store)
    pool = RenderPool(settings, store, start=partial(engine_supervisor, store=store))
    return Core(
        settings=settings,
        registry=registry,
        store=store,
        submissions=submissions,
        queries=Queries(registry, record),
        previews=Previews(submissions, sources, pool),
        estimates=Estimates(settings, submissions, sources, registry, pool),
        pool=pool,
        notifier=Notifier(registry, closing),
        closing=closing,
    )


def _all_routes() -> APIRouter:
    routes = APIRouter()
    for module in (page, system):
        routes.include_router(module.router)
    for module in (batches, items, uploads, preview, presets, catalogue, workers, legacy):
        routes.include_router(module.router, dependencies=[Depends(authorize)])
    return routes


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    announce(plugins())
    yield
    app.state.core.closing.set()
    await to_thread.run_sync(app.state.core.pool.close)
