"""Redis is flushed, comes back empty or comes back old: the record has it all, and the counts are exact."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import NotFoundError
from rayjobs.model.batch import Batch, State, Verb
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.worker import InHand, Worker
from rayjobs.settings import Settings
from tests.support.failing import calls_of, fail_on
from tests.support.redis_server import RedisServer, redis_server
from tests.support.system import System, farm
from tests.support.waiting import wait_until

VARIANTS = [
    {"name": "small"},
    {"name": "gray", "pipeline": [{"name": "grayscale"}], "output": {"format": "png"}},
]


@dataclass
class Harmed:
    """A farm whose slots stop from the sixth item on, so that something can happen in mid-batch."""

    farm: System
    server: RedisServer
    go_on: threading.Event = field(default_factory=threading.Event)
    ran: list[int] = field(default_factory=list)

    def run_chunk(self, raw: Mapping[str, int | str]) -> Tally:
        items = Lease.of(raw).range.indices()
        self.ran.extend(items)
        if max(items) >= 6:
            assert self.go_on.wait(30)
        return self.farm.run_chunk(raw)

    def submit(self, pictures: Path, **more: Any) -> str:
        source = {"type": "folder", "path": str(pictures)}
        return self.farm.submit(source, priority=3, labels={"who": "me"}, **more)

    def in_mid_batch(self, pictures: Path, **more: Any) -> tuple[str, Batch]:
        """Return a batch of which the first items are done and the next ones in hand, and how it stands."""
        batch_id = self.submit(pictures, **more)
        if not self.server.durable:
            self.server.snapshot()
        if not self.farm.threads:
            self.farm.dispatch(self.run_chunk)
        wait_until(self.is_stuck, 20, "all chunks in flight have stopped")
        return batch_id, self.farm.registry.get(batch_id)

    def is_stuck(self) -> bool:
        ends = [lease.range.end for lease in self.farm.registry.leases()]
        return len(ends) == 4 and min(ends) > 6

    def is_restored(self) -> None:
        wait_until(self.farm.registry.restored, 10, "the registry is restored")


@pytest.fixture
def harmed(request: pytest.FixtureRequest, farm_settings: Settings, tmp_path: Path) -> Iterator[Harmed]:
    durable = getattr(request, "param", True)
    with redis_server(tmp_path / "redis", durable=durable) as server:
        settings = farm_settings.model_copy(update={"redis_url": server.url})
        with farm(settings, RedisRegistry.connect(settings)) as whole:
            harmed = Harmed(whole, server)
            yield harmed
            harmed.go_on.set()


def flush(server: RedisServer) -> None:
    server.flush()


def restart_empty(server: RedisServer) -> None:
    server.kill()
    (server.folder / "dump.rdb").unlink()
    server.start()


@pytest.mark.parametrize(
    ("harmed", "loss"), [(True, flush), (False, restart_empty)], indirect=["harmed"], ids=["flush", "restart"]
)
def test_a_batch_goes_on_with_the_same_counts(
    harmed: Harmed, loss: Callable[[RedisServer], None], pictures: Path
) -> None:
    (pictures / "p02.jpg").write_bytes(b"no picture")
    batch_id, before = harmed.in_mid_batch(pictures)
    loss(harmed.server)
    harmed.is_restored()
    after = harmed.farm.registry.get(batch_id)
    assert after.counts == before.counts
    assert (after.errors_by_code, after.exact) == ({"unsupported_format": 1}, True)
    assert (after.priority, after.document, after.created_ms) == (
        before.priority,
        before.document,
        before.created_ms,
    )
    harmed.go_on.set()
    batch = harmed.farm.finished(batch_id)
    assert (batch.state, batch.counts.succeeded, batch.counts.failed) == (State.PARTIAL, 11, 1)
    assert sorted(harmed.ran) == list(range(12)), "what ran at the loss ran on; nothing ran twice"
    assert harmed.farm.registry.queue().stale_settlements == 0
    assert harmed.farm.registry.leases() == []
    assert harmed.farm.ended == []


@pytest.mark.parametrize(
    "more", [{"cache": True}, {"variants": VARIANTS}, {"cache": True, "variants": VARIANTS}]
)
def test_what_comes_of_a_batch_with_a_cache_or_variants_is_what_a_clean_run_gives(
    harmed: Harmed, pictures: Path, more: dict[str, Any]
) -> None:
    harmed.farm.dispatch(harmed.run_chunk)
    known = {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())[:4]]}
    harmed.farm.finished(harmed.farm.submit(known, **more))
    batch_id, before = harmed.in_mid_batch(pictures, **more)
    cached = 4 if "cache" in more else 0
    assert (before.counts.cached, before.counts.succeeded > 0) == (cached, True)
    harmed.server.flush()
    harmed.is_restored()
    assert harmed.farm.registry.get(batch_id).counts == before.counts
    harmed.go_on.set()
    counts = harmed.farm.finished(batch_id).counts
    assert (counts.cached, counts.succeeded, counts.total) == (cached, 12 - cached, 12)
    clean = harmed.submit(pictures, **{**more, "cache": False})
    assert harmed.farm.finished(clean).counts.succeeded == 12
    assert harmed.farm.outputs(batch_id) == harmed.farm.outputs(clean)
    assert sorted(harmed.ran) == sorted([*range(4), *range(12), *range(12)]), "nothing ran twice"


@pytest.mark.parametrize("harmed", [False], indirect=True)
def test_an_old_snapshot_is_brought_up_to_the_record(harmed: Harmed, pictures: Path) -> None:
    batch_id, before = harmed.in_mid_batch(pictures)
    old = harmed.farm.registry.run_id()
    harmed.server.kill()
    harmed.server.start()
    wait_until(lambda: harmed.farm.registry.leader() is not None, 10, "the dispatcher leads again")
    harmed.is_restored()
    assert harmed.farm.registry.run_id() == old, "it is no flush: the run is the snapshot's"
    assert harmed.farm.registry.get(batch_id).counts == before.counts
    harmed.go_on.set()
    assert harmed.farm.finished(batch_id).state is State.SUCCEEDED
    assert sorted(harmed.ran) == list(range(12))


def test_what_had_ended_is_listed_and_read_as_before(harmed: Harmed, pictures: Path) -> None:
    harmed.go_on.set()
    harmed.farm.dispatch(harmed.run_chunk)
    ids = [harmed.submit(pictures) for _ in range(3)]
    batches = [harmed.farm.finished(batch_id) for batch_id in ids]
    items = harmed.farm.items(ids[0])
    harmed.server.flush()
    history = harmed.farm.history

    def listed() -> list[str]:
        return [one.id for one in history.page(limit=9, cursor=None, state=None, label=None).batches]

    assert listed() == ids[::-1], "also before the registry is restored"
    harmed.is_restored()
    assert listed() == ids[::-1]
    for before, after in zip(batches, map(history.batch, ids), strict=True):
        assert after.counts == before.counts
        assert (after.state, after.finished_ms, after.created_ms) == (
            before.state,
            before.finished_ms,
            before.created_ms,
        )
    assert harmed.farm.items(ids[0]) == items
    with history.output(ids[0], 3).file as file:
        assert file.read() == harmed.farm.outputs(ids[0])["000003-p03.jpg"]
    [end] = history.events(ids[0], None)
    assert (end.kind, end.data["state"]) == ("end", "succeeded")


def test_a_batch_that_had_ended_can_still_be_retried(harmed: Harmed, pictures: Path) -> None:
    good = (pictures / "p02.jpg").read_bytes()
    (pictures / "p02.jpg").write_bytes(b"no picture")
    harmed.go_on.set()
    harmed.farm.dispatch(harmed.run_chunk)
    batch_id = harmed.submit(pictures)
    assert harmed.farm.finished(batch_id).state is State.PARTIAL
    harmed.server.flush()
    harmed.is_restored()
    (pictures / "p02.jpg").write_bytes(good)
    assert harmed.farm.intake.retry(batch_id).state is State.QUEUED
    assert harmed.farm.finished(batch_id).counts.succeeded == 12


def test_an_idempotency_key_names_the_same_batch(harmed: Harmed, pictures: Path) -> None:
    def post(key: str) -> tuple[str, bool]:
        body = {"source": {"type": "folder", "path": str(pictures)}, "pipeline": []}
        batch, created = harmed.farm.intake.submit(body, idempotency_key=key)
        return batch.id, created

    batch_id, _ = harmed.in_mid_batch(pictures)
    first, _ = post("a")
    harmed.server.flush()
    harmed.is_restored()
    assert post("a") == (first, False)
    harmed.go_on.set()
    harmed.farm.finished(first)
    harmed.server.flush()
    harmed.is_restored()
    assert post("a") == (first, False), "also when it has ended"
    assert harmed.farm.history.batch(batch_id).counts.total == 12


def test_a_cancelled_batch_stays_cancelled(harmed: Harmed, pictures: Path) -> None:
    batch_id, before = harmed.in_mid_batch(pictures)
    harmed.farm.intake.steer(batch_id, Verb.CANCEL)
    harmed.server.flush()
    harmed.is_restored()
    harmed.go_on.set()
    batch = harmed.farm.finished(batch_id)
    assert batch.state is State.CANCELLED
    assert batch.counts.succeeded == before.counts.succeeded + before.counts.running
    assert batch.counts.cancelled == before.counts.pending


def test_one_batch_that_is_missing_comes_back_by_itself(harmed: Harmed, pictures: Path) -> None:
    batch_id, before = harmed.in_mid_batch(pictures)
    harmed.farm.registry.forget(batch_id)
    with pytest.raises(NotFoundError):
        harmed.farm.registry.get(batch_id)
    assert harmed.farm.history.batch(batch_id).counts.total == 12, "its record is asked meanwhile"
    wait_until(lambda: harmed.farm.registry.unfinished() == [batch_id], 10, "the batch is back")
    assert harmed.farm.registry.get(batch_id).counts.succeeded == before.counts.succeeded
    harmed.go_on.set()
    assert harmed.farm.finished(batch_id).state is State.SUCCEEDED
    assert harmed.farm.registry.leases() == []


def test_a_worker_that_is_not_registered_again_so_far_is_not_lost(harmed: Harmed, pictures: Path) -> None:
    """Between a loss and the next heartbeat nobody is registered; what runs goes on, at its attempt."""
    harmed.farm.settings = harmed.farm.settings.model_copy(update={"heartbeat_s": 5.0})
    harmed.farm.registry = counted = fail_on(harmed.farm.registry, "nothing", nth=0)

    def ticked() -> None:
        seen = calls_of(counted)["workers"]
        wait_until(lambda: calls_of(counted)["workers"] >= seen + 2, 10, "the dispatcher has looked twice")

    batch_id, _ = harmed.in_mid_batch(pictures)
    held = harmed.farm.registry.leases()
    hands = tuple(InHand(batch_id, lease.range.first) for lease in held)
    worker = Worker("w", "node", None, 2, 0, 0.0, 0, 0.0, hands)
    harmed.farm.registry.beat(worker, 60)
    ticked()
    harmed.server.flush()
    harmed.is_restored()
    ticked()
    assert [one.token for one in harmed.farm.registry.leases()] == [one.token for one in held]
    harmed.farm.registry.beat(worker, 60)
    harmed.go_on.set()
    assert harmed.farm.finished(batch_id).counts.succeeded == 12
    assert sorted(harmed.ran) == list(range(12)), "nothing ran twice"
    assert {item["attempts"] for item in harmed.farm.items(batch_id)} == {1}
