"""How a batch stands by its record alone: the commit files against what became of each item."""

from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.errors import NotFoundError
from rayjobs.model.batch import State
from rayjobs.model.item import Fault, Item, Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range, runs
from rayjobs.ports import Replayed
from rayjobs.record.layout import PAGE, Record
from rayjobs.record.replay import replay
from tests.support.documents import DOCUMENT

TOTAL = 40


def record_of(total: int = TOTAL, *, sealed: bool = True) -> Record:
    record = Record(MemoryStore())
    for page in range(0, total, PAGE):
        listed = [Item(i, f"/p/{i}.jpg") for i in range(page, min(page + PAGE, total))]
        record.seal_page("b_1", page // PAGE, listed)
    if sealed:
        record.seal("b_1", total)
    record.open(
        "b_1", {"document": DOCUMENT | {"priority": 2}, "created_ms": 5, "key": "k", "body_hash": "h"}
    )
    return record


def lease(token: int, first: int, count: int, attempt: int = 1) -> Lease:
    return Lease(token, "b_1", "r_1", Range(first, count, attempt))


def commit(
    record: Record,
    chunk: Lease,
    failed: AbstractSet[int] = frozenset(),
    again: AbstractSet[int] = frozenset(),
) -> None:
    ended = [i for i in chunk.range.indices() if i not in again]
    fault = Fault("truncated", "cut", retryable=False)
    outcomes = [
        Outcome(
            i, "failed" if i in failed else "succeeded", 1, "w", 1.0, error=fault if i in failed else None
        )
        for i in ended
    ]
    bad = len(failed & set(ended))
    counts = {name: n for name, n in (("succeeded", len(ended) - bad), ("failed", bad)) if n}
    tally = Tally(
        counts, {"truncated": bad} if bad else {}, tuple(runs(again & set(chunk.range.indices()), 2))
    )
    record.commit(chunk, outcomes, tally)


def by_item(record: Record, total: int) -> tuple[dict[str, int], dict[str, int], list[int]]:
    """Return the same from each item's outcome, as `History` shows it."""
    outcomes = record.outcomes("b_1", Range(0, total))
    counts: dict[str, int] = {}
    errors: dict[str, int] = {}
    for outcome in outcomes.values():
        counts[outcome["state"]] = counts.get(outcome["state"], 0) + 1
        if "error" in outcome:
            errors[outcome["error"]["code"]] = errors.get(outcome["error"]["code"], 0) + 1
    return counts, errors, [i for i in range(total) if i not in outcomes]


def waiting(found: Replayed) -> list[int]:
    return [i for chunk in found.waiting for i in chunk.indices()]


def test_a_batch_of_which_nothing_ran_waits_whole() -> None:
    found = replay(record_of(), "b_1")
    assert (found.waiting, found.ends, found.state) == ((Range(0, TOTAL),), {}, State.QUEUED)
    new = found.batch
    assert (new.idempotency_key, new.body_hash, new.created_ms, new.priority, new.exact) == (
        "k",
        "h",
        5,
        2,
        True,
    )


def test_what_was_committed_is_not_to_be_done_and_the_rest_is() -> None:
    record = record_of()
    commit(record, lease(10, 0, 8), failed={3})
    commit(record, lease(11, 20, 10), again={25})
    found = replay(record, "b_1")
    assert (found.ends, found.errors) == ({"succeeded": 16, "failed": 1}, {"truncated": 1})
    assert found.waiting == (Range(8, 12), Range(25, 1, 2), Range(30, 10))
    assert (found.started_ms, found.fence, found.state) == (10, 11, State.RUNNING)


def test_chunks_in_flight_run_on_even_if_one_has_just_been_committed() -> None:
    record = record_of()
    commit(record, lease(10, 0, 8))
    flying = [lease(10, 0, 8), lease(11, 8, 4)]
    found = replay(record, "b_1", flying)
    assert (found.ends, found.waiting, found.running) == ({}, (Range(12, 28),), tuple(flying))


def test_a_batch_that_is_still_listed_is_not_exact() -> None:
    found = replay(record_of(PAGE + 5, sealed=False), "b_1")
    assert (found.batch.total, found.batch.exact, found.state) == (PAGE + 5, False, State.EXPANDING)


def test_a_lost_slots_halves_come_back_with_their_attempt() -> None:
    record = record_of(4)
    record.commit(lease(10, 0, 4), (), Tally(again=tuple(Range(0, 4).halves())))
    assert replay(record, "b_1").waiting == (Range(0, 2, 2), Range(2, 2, 2))


def test_a_closed_batch_stands_as_it_was_closed() -> None:
    record = record_of(4)
    counts = {"total": 4, "pending": 0, "running": 0, "succeeded": 3, "failed": 1}
    ending = {"state": "partial", "cause": None, "counts": counts, "errors_by_code": {"x": 1}, "error": None}
    record.close("b_1", ending | {"started_ms": 6, "finished_ms": 9})
    found = replay(record, "b_1")
    assert (found.state, found.ends, found.errors) == (State.PARTIAL, {"succeeded": 3, "failed": 1}, {"x": 1})
    assert (found.started_ms, found.finished_ms) == (6, 9)


def test_what_is_no_batch_is_said_so() -> None:
    with pytest.raises(NotFoundError):
        replay(record_of(), "b_2")


chunks = st.tuples(
    st.integers(0, TOTAL - 1),
    st.integers(1, 12),
    st.sets(st.integers(0, TOTAL - 1), max_size=6),
    st.sets(st.integers(0, TOTAL - 1), max_size=6),
)
stories = st.lists(st.one_of(chunks, st.sets(st.integers(0, TOTAL - 1), min_size=1)), max_size=14)


@given(stories)
@settings(max_examples=300, deadline=None)
def test_heads_alone_tell_the_same_as_every_item_whatever_overlaps(story: list[object]) -> None:
    """Late commits, second attempts and retries in any order: no item is counted twice or lost."""
    record = record_of()
    for token, step in enumerate(story, start=1):
        if isinstance(step, tuple):
            first, count, failed, again = step
            commit(record, lease(token, first, min(count, TOTAL - first)), failed, again)
        elif isinstance(step, set) and record.entries("b_1"):
            record.reopen("b_1", runs(step), token, len(record.retries("b_1")))
    found = replay(record, "b_1")
    assert (found.ends, found.errors, waiting(found)) == by_item(record, TOTAL)
