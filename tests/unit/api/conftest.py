"""An application over a registry in memory and a folder; a farm works for the tests that need one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.ports import Registry
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.system import System, farm

THUMB = {"name": "thumbnail", "size": 32}
BODY: dict[str, Any] = {"source": {"type": "samples", "count": 3}, "pipeline": [THUMB]}


@pytest.fixture
def registry(farm_settings: Settings) -> Registry:
    registry = MemoryRegistry(farm_settings)
    registry.enlist([], last=True)  # as a dispatcher says that finds no record
    return registry


@pytest.fixture
def client_with(farm_settings: Settings, registry: Registry) -> Iterator[Callable[..., TestClient]]:
    """Return a function that makes a client of an application with other settings."""
    opened: list[TestClient] = []

    def make(**changes: object) -> TestClient:
        app = create_app(farm_settings.model_copy(update=changes), registry)
        opened.append(TestClient(app, raise_server_exceptions=False).__enter__())
        return opened[-1]

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(client_with: Callable[..., TestClient]) -> TestClient:
    return client_with()


@pytest.fixture
def whole(farm_settings: Settings, registry: Registry) -> Iterator[System]:
    """Return the farm behind the application; its dispatcher runs."""
    with farm(farm_settings, registry) as running:
        running.dispatch()
        yield running
