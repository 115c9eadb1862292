"""Each contract suite runs over every adapter of its port."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.adapters.redis.keys import LAYOUT
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.ports import Registry, Store
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer


@pytest.fixture
def settings() -> Settings:
    """Short lives, so that what runs out does so within a test."""
    return Settings(
        namespace=f"test-{uuid.uuid4().hex[:8]}", lease_s=0.2, worker_ttl_s=0.3, max_waiting_batches=50
    )


@pytest.fixture(params=["memory", "redis"])
def registry(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Registry]:
    if request.param == "memory":
        yield restored(MemoryRegistry(settings))
        return
    server: RedisServer = request.getfixturevalue("redis_process")
    yield restored(RedisRegistry.connect(settings.model_copy(update={"redis_url": server.url})))
    _check_layout(server, settings.namespace)


def restored(registry: Registry) -> Registry:
    """Say, as a dispatcher does, that there is nothing in the record."""
    registry.enlist([], last=True)
    return registry


def _check_layout(server: RedisServer, namespace: str) -> None:
    """After every test: no key that the layout does not name, none without a TTL that must have one."""
    with server.client as client:
        for key in client.scan_iter(f"{namespace}:*"):
            parts = key.removeprefix(f"{namespace}:").split(":")
            kind = parts[0] if parts[0] in LAYOUT else parts[1]
            assert client.type(key) == LAYOUT[kind].type, key
            ended = kind in ("batch", "ranges", "events")
            assert LAYOUT[kind].ttl == "permanent" or ended or client.ttl(key) >= 0, f"{key} lives for ever"
            client.unlink(key)


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else FileStore(str(tmp_path / "store"))
