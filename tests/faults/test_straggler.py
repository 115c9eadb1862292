"""One slot hangs at the end of a batch: its chunk is run elsewhere, and the first to commit has the word."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Tally
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer
from tests.support.system import System, farm
from tests.support.waiting import wait_until

HANGS_AT = 9


@pytest.fixture(params=[3.0, 0.0], ids=["on", "off"])
def hanging(
    request: pytest.FixtureRequest, farm_settings: Settings, redis_process: RedisServer
) -> Iterator["tuple[System, Hanging]"]:
    settings = farm_settings.model_copy(
        update={"redis_url": redis_process.url, "speculation": request.param, "lease_s": 5.0}
    )
    with farm(settings, RedisRegistry.connect(settings)) as whole:
        hanging = Hanging(whole)
        whole.dispatch(hanging.run_chunk)
        yield whole, hanging
        hanging.go_on.set()


class Hanging:
    """Slots of which the first one to take a certain item hangs."""

    def __init__(self, whole: System) -> None:
        self.farm = whole
        self.go_on = threading.Event()
        self.back = threading.Event()
        self.ran: Counter[int] = Counter()

    def run_chunk(self, raw: Mapping[str, int | str]) -> Tally:
        items = Lease.of(raw).range.indices()
        self.ran.update(items)
        late = HANGS_AT in items and self.ran[HANGS_AT] == 1
        if late:
            assert self.go_on.wait(30)
        tally = self.farm.run_chunk(raw)
        if late:
            self.back.set()
        return tally


def test_the_tail_is_run_elsewhere_if_that_is_switched_on(
    hanging: "tuple[System, Hanging]", pictures: Path
) -> None:
    whole, slots = hanging
    batch_id = whole.submit({"type": "folder", "path": str(pictures)})
    if whole.settings.speculation:
        batch = whole.finished(batch_id, 20)
        assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
        before = (whole.outputs(batch_id), whole.items(batch_id))
        slots.go_on.set()
        wait_until(slots.back.is_set, 10, "the one that hung has come back")
        wait_until(lambda: whole.registry.queue().stale_settlements == 1, 10, "its late result is refused")
        assert (whole.outputs(batch_id), whole.items(batch_id)) == before
        assert whole.registry.get(batch_id).counts == batch.counts
        assert slots.ran[HANGS_AT] == 2
    else:
        wait_until(
            lambda: whole.registry.get(batch_id).counts.running == 1, 20, "only the one that hangs is left"
        )
        wait_until(lambda: sum(slots.ran.values()) == 12, 1, "every item was started")
        slots.go_on.set()
        assert whole.finished(batch_id).state is State.SUCCEEDED
        assert set(slots.ran.values()) == {1}
