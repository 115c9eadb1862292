"""The record: for each item, the entry under the highest token holds."""

from typing import Any

import pytest

from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.errors import NotFoundError, RecordUnreadableError
from rayjobs.model.item import Item, Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.record.commits import Entry
from rayjobs.record.layout import PAGE, Record

CLOSED: dict[str, Any] = {
    "schema_version": 1,
    "retries": 0,
    "state": "partial",
    "cause": None,
    "counts": {},
    "errors_by_code": {},
    "error": None,
    "started_ms": None,
    "finished_ms": 0,
}


@pytest.fixture
def record() -> Record:
    return Record(MemoryStore())


def lease(token: int, first: int, count: int, attempt: int = 1) -> Lease:
    return Lease(token, "b_1", "r_1", Range(first, count, attempt))


def outcomes(chunk: Lease, worker: str) -> list[Outcome]:
    return [Outcome(i, "succeeded", chunk.range.attempt, worker, 1.0) for i in chunk.range.indices()]


def commit(record: Record, chunk: Lease, worker: str) -> None:
    record.commit(chunk, outcomes(chunk, worker), Tally({"succeeded": chunk.range.count}))


def workers(record: Record, window: Range) -> list[str]:
    return [outcome["worker"] for _, outcome in sorted(record.outcomes("b_1", window).items())]


def test_outcomes_of_a_window_come_from_the_commit_files_that_touch_it(record: Record) -> None:
    commit(record, lease(1, 0, 3), "a")
    commit(record, lease(2, 3, 3), "b")
    assert workers(record, Range(2, 2)) == ["a", "b"]
    assert workers(record, Range(0, 100)) == ["a", "a", "a", "b", "b", "b"]


def test_a_late_commit_under_an_older_token_changes_nothing(record: Record) -> None:
    commit(record, lease(5, 0, 2), "halves")
    commit(record, lease(6, 2, 2), "halves")
    commit(record, lease(4, 0, 4), "frozen")
    assert workers(record, Range(0, 4)) == ["halves"] * 4


def test_a_retry_takes_items_back_and_a_later_commit_gives_them_again(record: Record) -> None:
    commit(record, lease(1, 0, 4), "a")
    record.close("b_1", CLOSED)
    record.reopen("b_1", [Range(1, 2)], token=1, retries=0)
    assert sorted(record.outcomes("b_1", Range(0, 4))) == [0, 3]
    assert record.closed("b_1") is None
    commit(record, lease(2, 2, 1), "b")
    assert workers(record, Range(0, 4)) == ["a", "b", "a"]
    record.reopen("b_1", [Range(2, 1)], token=2, retries=1)
    commit(record, lease(3, 1, 2), "c")
    assert workers(record, Range(0, 4)) == ["a", "c", "c", "a"]


def test_the_head_of_a_commit_file_is_its_tally(record: Record) -> None:
    chunk = lease(7, 0, 3)
    tally = Tally({"succeeded": 1, "failed": 1}, {"truncated": 1}, (Range(2, 1, 2),), 12.5)
    record.commit(chunk, outcomes(chunk, "a")[:2], tally)
    [entry] = record.entries("b_1")
    assert entry == Entry("0-3-7.jsonl", 0, 3, 7)
    assert record.tally("b_1", entry) == tally


def test_items_are_read_from_their_page(record: Record) -> None:
    names = [f"/p/{i}.jpg" for i in range(PAGE + 5)]
    for page in (0, 1):
        listed = [Item(page * PAGE + i, name, f"id{i}") for i, name in enumerate(names[page * PAGE :][:PAGE])]
        record.seal_page("b_1", page, listed)
    found = record.items("b_1", Range(PAGE - 2, 4))
    assert [item.source for item in found] == names[PAGE - 2 : PAGE + 2]
    assert found[2].custom_id == "id0"
    with pytest.raises(NotFoundError, match="no batch"):
        record.items("b_1", Range(2 * PAGE, 1))


def test_a_record_of_a_newer_form_is_refused(record: Record) -> None:
    record.store.put("record/b_1/spec.json", b'{"schema_version": 99}')
    with pytest.raises(RecordUnreadableError, match="newer version"):
        record.spec("b_1")
