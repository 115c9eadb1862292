"""What the registry has lost is put back as the record tells it."""

import time
from dataclasses import replace

import pytest

from rayjobs.errors import IllegalTransitionError, LeaseLostError, NotFoundError
from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Registry, Replayed, Retry
from tests.contract.test_registry_queue import claim, done, drain, new

DOCUMENT = {"labels": {}, "max_attempts": 3}


def batch(batch_id: str = "b_1", total: int = 10, *, exact: bool = True, key: str | None = None) -> NewBatch:
    return NewBatch(batch_id, total, exact, 1, DOCUMENT, key, "h", created_ms=1_700_000_000_000)


def lease(first: int, count: int, token: int = 7) -> Lease:
    return Lease(token, "b_1", "r_old", Range(first, count, 2))


def half_done() -> Replayed:
    return Replayed(
        batch=batch(),
        ends={"succeeded": 3, "failed": 1},
        errors={"truncated": 1},
        waiting=(Range(4, 1, 2), Range(7, 3)),
        running=(lease(5, 2),),
        started_ms=1_700_000_001_000,
        fence=7,
        remarks={"warnings": [], "left_out": 4},
    )


def test_a_restored_batch_stands_as_it_was_told(registry: Registry) -> None:
    registry.restore(half_done())
    found = registry.get("b_1")
    assert found.remarks == {"warnings": [], "left_out": 4}
    counts = found.counts
    assert (counts.total, counts.pending, counts.running) == (10, 4, 2)
    assert (counts.succeeded, counts.failed, counts.cancelled) == (3, 1, 0)
    assert (found.state, found.exact, found.priority) == (State.RUNNING, True, 1)
    assert (found.errors_by_code, found.document) == ({"truncated": 1}, DOCUMENT)
    assert (found.created_ms, found.started_ms) == (1_700_000_000_000, 1_700_000_001_000)
    assert registry.unfinished() == ["b_1"]
    assert [one.id for one in registry.page(limit=9, cursor=None, state=None, label=None).batches] == ["b_1"]


def test_what_waits_is_claimed_and_what_runs_is_settled_as_ever(registry: Registry) -> None:
    registry.restore(half_done())
    assert registry.settle(lease(5, 2), done(lease(5, 2))).state is State.RUNNING
    claimed = drain(registry)
    assert sorted(i for chunk in claimed for i in chunk.indices()) == [4, 7, 8, 9]
    assert claimed[0] == Range(4, 1, 2)
    assert registry.get("b_1").state is State.FINALIZING


def test_a_repeat_of_it_changes_nothing(registry: Registry) -> None:
    for _ in range(3):
        registry.restore(half_done())
    assert len(registry.leases()) == 1
    assert registry.queue().pending == 4


def test_what_the_registry_knew_of_the_batch_is_replaced(registry: Registry) -> None:
    registry.submit(batch())
    [old] = claim(registry)
    registry.restore(half_done())
    with pytest.raises(LeaseLostError):
        registry.settle(old, done(old))
    assert [held.token for held in registry.leases()] == [7]
    assert registry.get("b_1").counts.pending == 4


def test_later_tokens_are_above_those_of_the_record(registry: Registry) -> None:
    far = 9_000_000_000_000
    registry.restore(Replayed(batch=batch(), ends={}, errors={}, waiting=(Range(0, 10),), fence=far))
    [later] = claim(registry)
    assert later.token > far


def test_a_standing_that_does_not_add_up_is_a_bug(registry: Registry) -> None:
    with pytest.raises(IllegalTransitionError):
        registry.restore(Replayed(batch=batch(), ends={"succeeded": 3}, errors={}, waiting=(Range(0, 3),)))


def test_a_batch_whose_listing_was_cut_short_goes_on_expanding(registry: Registry) -> None:
    registry.restore(
        Replayed(batch=batch(total=4, exact=False), ends={"succeeded": 4}, errors={}, started_ms=1)
    )
    assert (registry.get("b_1").state, registry.expanding()) == (State.EXPANDING, ["b_1"])
    assert registry.extend("b_1", 6)
    assert registry.get("b_1").counts.pending == 2


def test_a_batch_of_which_all_is_done_only_needs_closing(registry: Registry) -> None:
    registry.restore(Replayed(batch=batch(), ends={"succeeded": 10}, errors={}, started_ms=1))
    assert registry.closable() == ["b_1"]
    closed = registry.close("b_1", State.SUCCEEDED, 1_700_000_002_000)
    assert (closed.state, closed.finished_ms) == (State.SUCCEEDED, 1_700_000_002_000)


def test_a_batch_that_had_ended_is_known_again_but_not_open(registry: Registry) -> None:
    told = Replayed(
        batch=replace(batch(key="k"), created_ms=time.time_ns() // 1_000_000),
        ends={"succeeded": 9, "failed": 1},
        errors={},
        closed=State.PARTIAL,
        finished_ms=1_700_000_002_000,
    )
    registry.restore(told)
    assert (registry.get("b_1").state, registry.get("b_1").finished_ms) == (State.PARTIAL, 1_700_000_002_000)
    assert registry.unfinished() == []
    assert registry.known("k", "h") == "b_1"


def test_a_batch_that_had_ended_has_the_speed_that_it_had(registry: Registry) -> None:
    ended = Replayed(
        batch=batch(),
        ends={"succeeded": 6, "cancelled": 4},
        errors={},
        started_ms=1_700_000_001_000,
        closed=State.CANCELLED,
        finished_ms=1_700_000_002_000,
        ran_ms=500,
    )
    registry.restore(ended)
    assert registry.get("b_1").speed_per_s == pytest.approx(6 / 1.5)


def test_a_run_is_restored_once_its_last_batches_are_listed(registry: Registry) -> None:
    registry.purge()
    assert not registry.restored()
    registry.enlist(["b_1", "b_3"], last=False)
    assert not registry.restored()
    registry.enlist(["b_2"], last=True)
    assert registry.restored()
    registry.submit(new("b_4"))
    page = registry.page(limit=9, cursor=None, state=None, label=None)
    assert ([one.id for one in page.batches], sorted(page.forgotten)) == (["b_4"], ["b_1", "b_2", "b_3"])
    page = registry.page(limit=2, cursor=None, state=None, label=None)
    assert ([one.id for one in page.batches], page.forgotten, page.next) == (["b_4"], ("b_3",), "b_3")


def test_no_lease_is_called_lost_before_the_run_is_restored(registry: Registry) -> None:
    registry.purge()
    assert registry.renew([lease(0, 1)]) == []
    registry.enlist([], last=True)
    assert registry.renew([lease(0, 1)]) == [lease(0, 1)]


def test_a_forgotten_batch_and_its_leases_are_gone(registry: Registry) -> None:
    registry.submit(new("b_1"))
    [held] = claim(registry)
    registry.forget("b_1")
    assert (registry.leases(), registry.unfinished(), registry.queue().pending) == ([], [], 0)
    with pytest.raises(LeaseLostError):
        registry.settle(held, Tally({"succeeded": held.range.count}))
    with pytest.raises(NotFoundError):
        registry.get("b_1")
    assert registry.page(limit=9, cursor=None, state=None, label=None).batches == []


def test_a_restored_batch_takes_its_key_from_nobody(registry: Registry) -> None:
    now_ms = time.time_ns() // 1_000_000
    registry.submit(replace(batch("b_2", key="k"), created_ms=now_ms))
    registry.restore(replace(half_done(), batch=replace(batch(key="k"), created_ms=now_ms)))
    assert registry.known("k", "h") == "b_2"


def test_a_key_that_is_over_does_not_come_back(registry: Registry) -> None:
    registry.restore(replace(half_done(), batch=batch(key="k")))
    assert registry.known("k", "h") is None


def test_a_deleted_batch_is_restored_by_nobody_who_had_read_its_record_before(registry: Registry) -> None:
    ended = Replayed(batch=batch(), ends={"succeeded": 10}, errors={}, closed=State.SUCCEEDED, finished_ms=5)
    registry.restore(ended)
    registry.delete("b_1")
    with pytest.raises(NotFoundError):
        registry.restore(ended)
    with pytest.raises(NotFoundError):
        registry.get("b_1")


def test_a_batch_that_was_retried_since_is_not_ended_again(registry: Registry) -> None:
    told = Replayed(batch=batch(), ends={"failed": 10}, errors={"x": 10}, closed=State.FAILED, finished_ms=5)
    registry.restore(told)
    token = registry.reserve("b_1")
    registry.retry("b_1", Retry([Range(0, 10)], {"x": 10}, token=token), "me")
    assert not registry.restore(told)
    assert registry.get("b_1").counts.pending == 10
    assert registry.restore(replace(told, reopened=token))
    assert registry.get("b_1").state is State.FAILED


def test_what_is_only_added_leaves_what_the_registry_knows(registry: Registry) -> None:
    registry.submit(batch())
    assert not registry.restore(half_done(), add=True)
    assert registry.get("b_1").counts.pending == 10
    registry.forget("b_1")
    assert registry.restore(half_done(), add=True)
    assert registry.get("b_1").counts.pending == 4


@pytest.mark.parametrize("failed", [4, 5])
def test_too_many_failed_items_end_a_restored_batch_as_they_end_any_other(
    registry: Registry, failed: int
) -> None:
    strict = replace(batch(), document=DOCUMENT | {"max_failed_ratio": 0.4})
    registry.restore(
        Replayed(strict, {"succeeded": 10 - failed, "failed": failed}, {"x": failed}, started_ms=1)
    )
    assert registry.get("b_1").ending is (State.FAILED if failed == 5 else None)
