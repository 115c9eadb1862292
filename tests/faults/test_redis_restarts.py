"""Redis is killed in mid-batch and comes back with its append-only file: nothing is lost or done twice."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import RegistryUnavailableError
from rayjobs.model.batch import State
from rayjobs.model.lease import Tally
from rayjobs.ports import NewBatch
from rayjobs.settings import Settings
from tests.support.redis_server import redis_server
from tests.support.system import farm
from tests.support.waiting import wait_until


def test_a_batch_goes_on_where_it_was(farm_settings: Settings, pictures: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        settings = farm_settings.model_copy(update={"redis_url": server.url})
        with farm(settings, RedisRegistry.connect(settings)) as whole:
            ran: list[int] = []

            def noting(raw: Mapping[str, int | str]) -> Tally:
                ran.append(int(raw["first"]))
                if len(ran) == 3:
                    server.kill()  # while this chunk is in hand: its settlement finds nobody
                return whole.run_chunk(raw)

            whole.dispatch(noting)
            batch_id = whole.submit({"type": "folder", "path": str(pictures)})
            wait_until(lambda: server.process is None, 20, "the third chunk ended Redis")
            with pytest.raises(RegistryUnavailableError):
                whole.submit({"type": "folder", "path": str(pictures)})
            server.start()
            batch = whole.finished(batch_id)
            assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
            again = whole.finished(whole.submit({"type": "folder", "path": str(pictures)}))
            assert whole.outputs(batch_id) == whole.outputs(again.id)
            assert whole.registry.leases() == []


def test_who_waits_for_work_hears_of_it_again(farm_settings: Settings, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        registry = RedisRegistry.connect(farm_settings.model_copy(update={"redis_url": server.url}))
        assert not registry.wait(0.01)
        server.kill()
        for _ in range(2):
            with pytest.raises(RegistryUnavailableError):
                registry.wait(0.01)
        server.start()
        assert not registry.wait(0.01)
        registry.submit(NewBatch("b_1", 1, exact=True, priority=0, document={"max_attempts": 1}))
        assert registry.wait(5)
