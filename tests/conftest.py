"""Fixtures that every folder may use."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer, redis_server
from tests.support.system import System, farm

pytest_plugins = ["tests.support.stack"]


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a real Redis server for the whole session; a test takes a namespace of its own in it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder of twelve small JPEGs, an allowed root of the farm."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(12):
        Image.new("RGB", (64 + i, 48), (i * 20, 100, 200 - i * 10)).save(folder / f"p{i:02d}.jpg")
    return folder


@pytest.fixture
def farm_settings(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with short lives, and have dispatchers look round often, so tests wait for little."""
    monkeypatch.setattr("rayjobs.dispatcher.loop._TICK_S", 0.2)
    monkeypatch.setattr("rayjobs.dispatcher.loop._CHECK_S", 1.0)
    return Settings(
        namespace=f"test-{uuid.uuid4().hex[:8]}",
        store=str(tmp_path / "store"),
        roots=(pictures,),
        lease_s=1.0,
        leader_s=1.0,
        heartbeat_s=0.5,
        speculation=0,  # a test that stops a chunk does not expect to see it run elsewhere
        chunk_floor_ms=1,
        chunk_cap_ms=10,
    )


@pytest.fixture
def whole_farm(farm_settings: Settings, redis_process: RedisServer) -> Iterator[System]:
    """Return a farm on a real Redis, with no dispatcher so far."""
    settings = farm_settings.model_copy(update={"redis_url": redis_process.url})
    with farm(settings, RedisRegistry.connect(settings)) as whole:
        yield whole
