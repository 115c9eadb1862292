"""The queue: ranges are claimed under leases, settled, and come back."""

import pytest

from rayjobs.errors import IllegalTransitionError, LeaseLostError
from rayjobs.model.batch import State, Verb
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Registry
from tests.support.waiting import wait_until

PACE = Pace(floor_ms=10, cap_ms=100)


def new(
    batch_id: str,
    total: int = 100,
    *,
    exact: bool = True,
    priority: int = 0,
    key: str | None = None,
    body_hash: str = "",
) -> NewBatch:
    document = {"labels": {"who": "test"}, "max_attempts": 3}
    return NewBatch(batch_id, total, exact, priority, document, key, body_hash)


def lead(registry: Registry) -> int:
    token = registry.lead("me", 60)
    assert token is not None
    return token


def claim(registry: Registry, most: int = 1, slots: int = 2) -> list[Lease]:
    return registry.claim(lead(registry), slots, PACE, most)


def done(lease: Lease, busy_ms: float = 0.0) -> Tally:
    return Tally({"succeeded": lease.range.count}, busy_ms=busy_ms)


def drain(registry: Registry) -> list[Range]:
    """Claim and settle until nothing waits; return what was claimed."""
    claimed = []
    while leases := claim(registry):
        claimed.append(leases[0].range)
        registry.settle(leases[0], done(leases[0], busy_ms=leases[0].range.count))
    return claimed


def test_every_item_is_claimed_once_and_in_order(registry: Registry) -> None:
    registry.submit(new("b_1", 1000))
    claimed = drain(registry)
    assert [i for r in claimed for i in r.indices()] == list(range(1000))
    assert registry.get("b_1").state is State.FINALIZING
    assert registry.get("b_1").counts.succeeded == 1000


def test_chunks_grow_once_the_speed_is_known_and_shrink_towards_the_end(registry: Registry) -> None:
    registry.submit(new("b_1", 1000))
    sizes = [r.count for r in drain(registry)]
    expected, waiting, item_ms = [], 1000, None
    for _ in sizes:
        expected.append(PACE.size(waiting, 2, item_ms))
        waiting, item_ms = waiting - expected[-1], 1.0
    assert sizes == expected
    assert sizes[:3] == [1, 100, 100]
    assert sizes[-1] <= 10


def test_tokens_grow_with_every_claim(registry: Registry) -> None:
    registry.submit(new("b_1"))
    tokens = [lease.token for _ in range(5) for lease in claim(registry)]
    assert tokens == sorted(set(tokens))


def test_a_settled_lease_is_refused_the_second_time_and_counted(registry: Registry) -> None:
    registry.submit(new("b_1"))
    [lease] = claim(registry)
    registry.settle(lease, done(lease))
    with pytest.raises(LeaseLostError):
        registry.settle(lease, done(lease))
    assert registry.get("b_1").counts.succeeded == 1
    assert registry.queue().stale_settlements == 1


def test_a_tally_that_does_not_add_up_is_a_bug_and_changes_nothing(registry: Registry) -> None:
    registry.submit(new("b_1"))
    [lease] = claim(registry)
    with pytest.raises(IllegalTransitionError):
        registry.settle(lease, Tally({"succeeded": 2}))
    assert registry.leases() == [lease]
    registry.settle(lease, done(lease))


def test_items_for_another_attempt_come_back_with_their_attempt(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    [lease] = claim(registry)
    registry.settle(lease, Tally(again=(Range(0, 1, 2),)))
    assert registry.get("b_1").counts.pending == 1
    [again] = claim(registry)
    assert again.range == Range(0, 1, 2)
    assert registry.settle(again, Tally({"failed": 1}, {"decode_failed": 1})).closable
    assert registry.get("b_1").errors_by_code == {"decode_failed": 1}


def test_counts_always_sum_to_the_total(registry: Registry) -> None:
    registry.submit(new("b_1", 10))
    for ending in ("succeeded", "failed", "skipped", "cached"):
        [lease] = claim(registry)
        registry.settle(lease, Tally({ending: lease.range.count}, {"x": 1} if ending == "failed" else {}))
    claim(registry)
    counts = registry.get("b_1").counts
    parts = (counts.pending, counts.running, counts.succeeded, counts.failed, counts.skipped, counts.cached)
    assert parts == (5, 1, 1, 1, 1, 1)
    assert sum(parts) == counts.total


def test_a_lease_runs_out_unless_it_is_renewed(registry: Registry) -> None:
    registry.submit(new("b_1"))
    [lease] = claim(registry)
    assert registry.leases(expired=True) == []
    wait_until(lambda: registry.leases(expired=True) == [lease], 2, "the lease runs out")
    assert registry.renew([lease]) == []
    assert registry.leases(expired=True) == []
    registry.settle(lease, done(lease))
    assert registry.renew([lease]) == [lease]


def test_equal_batches_take_turns_and_a_late_one_waits_for_nobody(registry: Registry) -> None:
    registry.submit(new("b_1"))
    first = [lease.batch_id for _ in range(4) for lease in claim(registry)]
    registry.submit(new("b_2"))
    then = [lease.batch_id for _ in range(6) for lease in claim(registry)]
    assert first == ["b_1"] * 4
    assert then.count("b_2") in (3, 4)


def test_a_priority_step_doubles_the_share(registry: Registry) -> None:
    registry.submit(new("b_1", priority=0))
    registry.submit(new("b_2", priority=2))
    turns = [lease.batch_id for _ in range(50) for lease in claim(registry)]
    assert turns.count("b_2") == pytest.approx(40, abs=1)


def test_only_the_leader_may_claim(registry: Registry) -> None:
    registry.submit(new("b_1"))
    token = lead(registry)
    assert registry.lead("other", 60) is None
    with pytest.raises(LeaseLostError):
        registry.claim(token + 1, 2, PACE, 1)
    registry.resign("me")
    later = registry.lead("other", 60)
    assert later is not None
    assert later > token
    assert registry.leader() == "other"
    with pytest.raises(LeaseLostError):
        registry.claim(token, 2, PACE, 1)


def test_the_lead_runs_out_when_it_is_not_kept(registry: Registry) -> None:
    registry.lead("me", 0.1)
    wait_until(lambda: registry.lead("other", 60), 2, "the lead runs out")


def test_wait_returns_when_something_is_queued(registry: Registry) -> None:
    registry.wait(0.05)  # subscribes
    registry.wait(0.05)
    registry.submit(new("b_1"))
    wait_until(lambda: registry.wait(0.5), 2, "the new batch is announced")


def test_a_batch_that_moves_is_announced(registry: Registry) -> None:
    registry.moved(0.05)  # subscribes
    registry.moved(0.05)
    registry.submit(new("b_1"))
    wait_until(lambda: registry.moved(0.5) == "b_1", 2, "the new batch is announced")
    assert registry.moved(0.05) is None
    registry.steer("b_1", Verb.CANCEL, "somebody")
    wait_until(lambda: registry.moved(0.5) == "b_1", 2, "its end is announced")


def test_the_figures_of_a_registry_that_is_behind_are_marked(registry: Registry) -> None:
    assert registry.queue().complete
    registry.purge()
    assert not registry.queue().complete
    registry.enlist([], last=True)
    assert registry.queue().complete
