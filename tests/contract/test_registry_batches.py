"""Batches: submitted, listed, cancelled, retried, closed and purged."""

import pytest

from rayjobs.errors import IdempotencyMismatchError, LeaseLostError, NotFoundError, QueueFullError
from rayjobs.model.batch import State
from rayjobs.model.worker import InHand, Worker
from rayjobs.ports import Registry
from tests.contract.test_registry_queue import claim, done, drain, new
from tests.support.waiting import wait_until


def worker(worker_id: str = "w1") -> Worker:
    return Worker(worker_id, "node", None, 2, 5, 1.5, 10, 3.0, (InHand("b_1", 3),), {"filters": ["blur"]})


def states(registry: Registry, batch_id: str) -> list[str]:
    return [event.data["state"] for event in registry.events(batch_id, None).events if event.kind == "state"]


def test_a_new_batch_is_queued_and_shows_what_it_was_given(registry: Registry) -> None:
    assert registry.submit(new("b_1")).created
    batch = registry.get("b_1")
    assert (batch.state, batch.counts.total, batch.counts.pending, batch.exact) == (
        State.QUEUED,
        100,
        100,
        True,
    )
    assert batch.document == {"labels": {"who": "test"}, "max_attempts": 3}
    assert batch.run_id == registry.run_id()


def test_the_same_submission_twice_is_one_batch(registry: Registry) -> None:
    registry.submit(new("b_1"))
    assert not registry.submit(new("b_1")).created
    assert registry.queue().pending == 100


def test_an_idempotency_key_names_the_batch_it_made(registry: Registry) -> None:
    assert registry.known("k", "h") is None
    assert registry.submit(new("b_1", key="k", body_hash="h")).id == "b_1"
    assert registry.submit(new("b_2", key="k", body_hash="h")).id == "b_1"
    assert registry.known("k", "h") == "b_1"
    with pytest.raises(IdempotencyMismatchError):
        registry.submit(new("b_3", key="k", body_hash="other"))
    with pytest.raises(IdempotencyMismatchError):
        registry.known("k", "other")


def test_no_more_batches_wait_than_the_setting_allows(registry: Registry) -> None:
    for i in range(50):
        registry.submit(new(f"b_{i:02d}"))
    with pytest.raises(QueueFullError, match="MAX_WAITING_BATCHES"):
        registry.submit(new("b_99"))


def test_an_expanding_batch_runs_what_is_listed_and_ends_when_it_is_sealed(registry: Registry) -> None:
    registry.submit(new("b_1", 0, exact=False))
    assert registry.expanding() == ["b_1"]
    assert registry.extend("b_1", 2)
    assert registry.extend("b_1", 2), "a repeat changes nothing"
    assert sum(r.count for r in drain(registry)) == 2
    batch = registry.get("b_1")
    assert (batch.state, batch.exact, batch.counts.total) == (State.EXPANDING, False, 2)
    assert registry.extend("b_1", 3)
    assert registry.seal("b_1").state is State.RUNNING
    assert not registry.extend("b_1", 9)
    assert sum(r.count for r in drain(registry)) == 1
    assert registry.closable() == ["b_1"]


def test_a_listing_that_fails_ends_the_batch_with_its_error(registry: Registry) -> None:
    registry.submit(new("b_1", 0, exact=False))
    remarks = {"warnings": [{"code": "name_not_utf8"}], "left_out": 3}
    assert registry.seal("b_1", {"code": "source_not_found"}, remarks).closable
    assert registry.get("b_1").remarks == remarks
    assert registry.get("b_1").error == {"code": "source_not_found"}
    assert registry.close("b_1", State.FAILED).state is State.FAILED


def test_every_change_of_state_is_an_event_in_order(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    [lease] = claim(registry)
    registry.settle(lease, done(lease))
    registry.close("b_1", State.SUCCEEDED)
    assert states(registry, "b_1") == ["queued", "running", "finalizing", "succeeded"]
    events = registry.events("b_1", None).events
    assert events[-1].kind == "end"
    assert registry.events("b_1", events[1].id).events == events[2:]
    assert [e.data["counts"]["succeeded"] for e in events if e.kind == "progress"] == [1]


def test_pages_are_newest_first_and_follow_each_other(registry: Registry) -> None:
    for i in range(7):
        registry.submit(new(f"b_{i}"))
    seen, cursor = [], None
    while True:
        page = registry.page(limit=3, cursor=cursor, state=None, label=None)
        seen += [batch.id for batch in page.batches]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [f"b_{i}" for i in range(6, -1, -1)]


def test_pages_can_be_narrowed_by_state_and_label(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    registry.submit(new("b_2"))
    drain(registry)
    queued = registry.page(limit=9, cursor=None, state=State.QUEUED, label=None).batches
    assert [b.id for b in queued] == []
    mine = registry.page(limit=9, cursor=None, state=None, label=("who", "test")).batches
    assert len(mine) == 2
    assert registry.page(limit=9, cursor=None, state=None, label=("who", "else")).batches == []


def test_what_does_not_exist_is_said_so(registry: Registry) -> None:
    for call in (registry.get, registry.delete, lambda b: registry.events(b, None), registry.seal):
        with pytest.raises(NotFoundError, match="b_none"):
            call("b_none")


def test_a_heartbeat_registers_and_its_end_forgets(registry: Registry) -> None:
    run_id = registry.beat(worker(), 0.3)
    assert run_id == registry.run_id()
    [seen] = registry.workers()
    assert (seen.id, seen.in_hand, seen.beat_ms > 0) == ("w1", (InHand("b_1", 3),), True)
    wait_until(lambda: registry.workers() == [], 2, "the registration runs out")
    registry.beat(worker(), 60)
    registry.leave("w1")
    assert registry.workers() == []


def test_only_a_registered_worker_can_be_asked_to_drain(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="w1"):
        registry.drain("w1")
    registry.beat(worker(), 60)
    assert not registry.drains("w1")
    registry.drain("w1")
    assert registry.drains("w1")
    assert not registry.drains("w2")


def test_the_queue_sums_over_open_batches(registry: Registry) -> None:
    registry.submit(new("b_1", 10))
    registry.submit(new("b_2", 0, exact=False))
    claim(registry)
    queue = registry.queue()
    assert (queue.pending, queue.in_flight, queue.leases) == (9, 1, 1)
    assert queue.batches_by_state == {"running": 1, "expanding": 1}


def test_a_purge_leaves_nothing_of_the_old_run_and_refuses_its_late_results(registry: Registry) -> None:
    before = registry.run_id()
    registry.submit(new("b_1", key="k", body_hash="h"))
    [lease] = claim(registry)
    registry.beat(worker(), 60)
    purged = registry.purge()
    assert purged.run_id == registry.run_id() != before
    assert purged.deleted_keys > 0
    with pytest.raises(LeaseLostError):
        registry.settle(lease, done(lease))
    assert (registry.workers(), registry.leases(), registry.closable()) == ([], [], [])
    assert registry.known("k", "h") is None
    with pytest.raises(NotFoundError):
        registry.get("b_1")
    assert registry.submit(new("b_1")).created
