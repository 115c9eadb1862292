"""The part of a batch's record that says what became of its items: commit files and retries.

A commit file is created, never replaced: whoever ends a lease first, its slot or the reaper, has the word.
Every entry carries the fencing token under which it was written, and for each item the entry with the
highest token holds: so neither a worker that wakes up late nor a second attempt needs a lock, and a retry
is just a later entry that says "not done". So is the end of a batch, for the items that never ran: what is
committed of them behind it, by somebody who looked before, does not hold.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from rayjobs.model.item import Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import Store
from rayjobs.record import schema
from rayjobs.record.schema import FileSchema

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A commit file (or a retry), by its name alone."""

    name: str
    first: int
    count: int
    token: int

    @classmethod
    def of(cls, name: str) -> "Entry":
        """Read the name of a commit file; raises `ValueError`."""
        first, count, token = name.removesuffix(".jsonl").split("-")
        return cls(name, int(first), int(count), int(token))

    @property
    def range(self) -> Range:
        """The items that were claimed together."""
        return Range(self.first, self.count)


class Commits:
    """Reads and writes what became of items, in one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def commit(self, lease: Lease, outcomes: Iterable[Outcome], tally: Tally) -> Tally:
        """Write the outcomes of a chunk: after its outputs, before its lease is settled.

        Return the tally that holds: another one where the lease had been ended before. Nothing is written to
        a batch that was closed, so that it stays as it was closed.

        Raises:
            OutputNoSpaceError: There is no room for it, so the chunk has to run again.
        """
        head = orjson.dumps({"schema_version": schema.SCHEMA, **lease.as_json(), **_tally_json(tally)})
        lines = [head, *(orjson.dumps(outcome.as_json()) for outcome in outcomes)]
        key = f"record/{lease.batch_id}/results/{lease.range.first}-{lease.range.count}-{lease.token}.jsonl"
        if self.closed(lease.batch_id) is None and self.store.put_new(key, b"\n".join(lines)):
            return tally
        log.warning("late commit refused", extra={"batch": lease.batch_id, "first": lease.range.first})
        return self._tally(key) or tally

    def tally(self, batch_id: str, entry: Entry) -> Tally:
        """Return the head of a commit file, without reading its items."""
        return self._tally(f"record/{batch_id}/results/{entry.name}") or Tally()

    def _tally(self, key: str) -> Tally | None:
        with_head = self.store.open(key)
        if with_head is None:
            return None
        with with_head:
            return _tally_of(schema.HEAD.read(key, with_head.readline()))

    def entries(self, batch_id: str) -> list[Entry]:
        """Return the commit files in the order of their tokens, the lowest first."""
        folder = f"record/{batch_id}/results"
        found = (_named(schema.HEAD, f"{folder}/{name}", Entry.of) for name in self.store.names(folder))
        return sorted(found, key=lambda entry: entry.token)

    def outcomes(
        self, batch_id: str, window: Range, entries: Sequence[Entry] | None = None
    ) -> dict[int, dict[str, Any]]:
        """Return index -> outcome of the items in `window` that have one.

        `entries`, where the caller has them, must be in the order of their tokens.
        """
        entries = self.entries(batch_id) if entries is None else entries
        near = [e for e in entries if e.first < window.end and window.first < e.first + e.count]
        # A retry has the highest token of its moment, so it comes behind the entry that shares it.
        story: list[tuple[int, Entry | set[int]]] = [(entry.token, entry) for entry in near]
        retries = self.retries(batch_id)
        story += ((token, _indices(ranges, window)) for token, ranges in retries)
        found: dict[int, dict[str, Any]] = {}
        for _, step in sorted(story, key=lambda row: row[0]):
            if isinstance(step, Entry):
                lines = self.lines(batch_id, step)
                found |= {o["index"]: o for o in lines if window.first <= o["index"] < window.end}
            else:
                found = {index: outcome for index, outcome in found.items() if index not in step}
        closed = self._closed(batch_id, len(retries))
        unrun = _indices((Range(*row) for row in closed.get("unrun", ())), window) if closed else set()
        return {index: outcome for index, outcome in found.items() if index not in unrun}

    def lines(self, batch_id: str, entry: Entry) -> Iterator[dict[str, Any]]:
        """Give the outcomes of one commit file; raises `RecordUnreadableError` where one is missing."""
        key = f"record/{batch_id}/results/{entry.name}"
        head, *lines = (self.store.get(key) or b"").split(b"\n")
        wanted = _tally_of(schema.HEAD.read(key, head)).ended
        if len(lines) != wanted:
            raise schema.HEAD.wrong(key, f"it has the outcomes of {len(lines)} items, not of {wanted}")
        return (schema.OUTCOME.read(key, line) for line in lines)

    def retries(self, batch_id: str) -> list[tuple[int, list[Range]]]:
        """Return the tokens up to which, and the ranges for which, nothing holds any more."""
        found: list[tuple[int, list[Range]]] = []
        for name in self.store.names(f"record/{batch_id}/retries"):
            key = f"record/{batch_id}/retries/{name}"
            rows = schema.RETRY.read(key, self.store.get(key) or b"")
            if isinstance(rows, list):  # of an older version, which named it by its token
                token = _named(schema.RETRY, key, lambda own: int(own.removesuffix(".json")))
            else:
                token, rows = rows["token"], rows["ranges"]
            found.append((token, [Range(*row) for row in rows]))
        return found

    def closed(self, batch_id: str) -> dict[str, Any] | None:
        """Return how the batch ended; None while it has not, also where a retry was just written."""
        return self._closed(batch_id, None)

    def _closed(self, batch_id: str, retries: int | None) -> dict[str, Any] | None:
        found = self._read(schema.CLOSED, f"record/{batch_id}/closed.json")
        if found and retries is None:
            retries = self._retried(batch_id)
        if found and found["retries"] != retries:
            found = self._read(schema.CLOSED, f"record/{batch_id}/ends/after-{retries}.json")
        return found

    def _retried(self, batch_id: str) -> int:
        """Return how often a batch was retried."""
        return sum(1 for _ in self.store.names(f"record/{batch_id}/retries"))

    def _read(self, form: FileSchema, key: str) -> dict[str, Any] | None:
        data = self.store.get(key)
        return None if data is None else form.read(key, data)


def _indices(ranges: Iterable[Range], window: Range) -> set[int]:
    """Return what of the ranges is in the window."""
    near = (range(max(one.first, window.first), min(one.end, window.end)) for one in ranges)
    return {index for part in near for index in part}


Name = TypeVar("Name")


def _named(form: FileSchema, key: str, read: Callable[[str], Name]) -> Name:
    """Return what a file's name says."""
    try:
        return read(key.rpartition("/")[2])
    except ValueError as error:
        raise form.wrong(key, "its name is not one of ours") from error


def _tally_json(tally: Tally) -> dict[str, Any]:
    return {
        "counts": dict(tally.counts),
        "errors": dict(tally.errors),
        "again": [[r.first, r.count, r.attempt] for r in tally.again],
        "busy_ms": tally.busy_ms,
    }


def _tally_of(head: dict[str, Any]) -> Tally:
    again = tuple(Range(*row) for row in head["again"])
    return Tally(head["counts"], head["errors"], again, head["busy_ms"])
