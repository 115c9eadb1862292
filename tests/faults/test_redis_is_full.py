"""Redis reaches its maxmemory: new work is refused with a word, work in hand goes on, nothing is dropped."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import RegistryUnavailableError
from rayjobs.model.batch import State
from rayjobs.model.lease import Tally
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.redis_server import RedisServer, redis_server
from tests.support.system import System, farm
from tests.support.waiting import wait_until
from tests.unit.api.asking import BODY, problem_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as own:
        yield own


@pytest.fixture
def whole(farm_settings: Settings, server: RedisServer) -> Iterator[System]:
    settings = farm_settings.model_copy(update={"redis_url": server.url})
    with farm(settings, RedisRegistry.connect(settings)) as running:
        yield running


def limit(server: RedisServer, maxmemory: str) -> None:
    with server.client as client:
        client.config_set("maxmemory", maxmemory)


def test_work_in_hand_goes_on_and_new_work_comes_back_later(
    whole: System, server: RedisServer, pictures: Path
) -> None:
    source = {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())]}
    begun, go_on = threading.Event(), threading.Event()

    def slow(raw: Mapping[str, int | str]) -> Tally:
        begun.set()
        go_on.wait(20)
        return whole.run_chunk(raw)

    whole.dispatch(slow)
    batch_id = whole.submit(source)
    wait_until(begun.is_set, 10, "the first chunk is in hand")
    limit(server, "1mb")  # less than an empty server takes
    assert whole.registry.memory().full
    with pytest.raises(RegistryUnavailableError, match="maxmemory"):
        whole.submit(source)
    go_on.set()
    batch = whole.finished(batch_id)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
    assert whole.registry.leases() == []
    limit(server, "0")
    again = whole.finished(whole.submit(source))
    assert (again.state, again.counts) == (batch.state, batch.counts)
    assert whole.outputs(again.id) == whole.outputs(batch_id)
    assert whole.ended == [], "the dispatcher went through it all"


def test_the_alarm_is_seen_from_outside_and_ends(whole: System, server: RedisServer) -> None:
    whole.dispatch()
    wait_until(whole.registry.leader, 5, "a dispatcher leads")
    with TestClient(create_app(whole.settings, whole.registry), raise_server_exceptions=False) as client:
        assert client.get("/readyz").status_code == 200
        limit(server, "1mb")
        refused = client.post("/batches", json=BODY)
        problem_of(refused, 503, "registry_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        ready = client.get("/readyz")
        assert (ready.status_code, "maxmemory" in ready.json()["dependencies"]["registry"]) == (503, True)
        assert "rayjobs_registry_full 1.0" in client.get("/metrics").text
        assert client.get("/batches").json()["batches"] == []
        limit(server, "0")
        assert client.post("/batches", json=BODY).status_code == 202
        assert client.get("/readyz").status_code == 200
        assert "rayjobs_registry_full 0.0" in client.get("/metrics").text
    folder = Path(whole.settings.store) / "record"
    assert len(list(folder.glob("b_*"))) == 1, "nothing is left of what was refused"
