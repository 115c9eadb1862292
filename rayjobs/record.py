"""The durable record of batches: what outlives the loss of Redis, and where it stands in the store.

    record/<batch>/spec.json              what was asked, written before the 202
    record/<batch>/items/<page>.jsonl     sealed pages of 10,000 items
    record/<batch>/results/<first>-<count>-<token>.jsonl
                                          one commit file a chunk, written once and last
    record/<batch>/retries/<token>.json   ranges that were put back by a retry
    record/<batch>/log/<first>_<last>.jsonl
                                          changes of the batch's state, named by the first and the last id
                                          in it; one may be in several files
    record/<batch>/closed.json            the terminal state with its counts, or a purge's tombstone
    outputs/<batch>/<name>                the pictures
    uploads/<id>/<name>                   pictures that were sent

Every entry carries the fencing token under which it was written, and for each item the entry with the
highest token holds: so neither a worker that wakes up late nor a second attempt needs a lock, and a retry
is just a later entry that says "not done".
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import orjson

from rayjobs.batch import Move
from rayjobs.errors import NotFoundError
from rayjobs.item import Item, Outcome
from rayjobs.lease import Lease, Tally
from rayjobs.ports import Store
from rayjobs.ranges import Range

PAGE = 10_000
"""Items of a page; fixed, so that an item's page follows from its index."""
SCHEMA = 1
"""Version of the record's form; a reader refuses a newer one."""
_CACHED_PAGES = 4


@dataclass(frozen=True)
class Entry:
    """A commit file (or a retry), by its name alone."""

    name: str
    first: int
    count: int
    token: int

    @classmethod
    def of(cls, name: str) -> "Entry":
        """Read the name of a commit file."""
        first, count, token = name.removesuffix(".jsonl").split("-")
        return cls(name, int(first), int(count), int(token))


class Record:
    """Reads and writes the record of all batches in one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        # A slot takes many chunks of one page; splitting it once is enough.
        self._page = lru_cache(_CACHED_PAGES)(self._read_page)

    def open(self, batch_id: str, spec: dict[str, Any]) -> None:
        """Write what was asked."""
        self.store.put(f"record/{batch_id}/spec.json", orjson.dumps({"schema_version": SCHEMA, **spec}))

    def spec(self, batch_id: str) -> dict[str, Any]:
        """Return what was asked; raises `NotFoundError`."""
        return self._json(f"record/{batch_id}/spec.json", batch_id)

    def discard(self, batch_id: str) -> None:
        """Remove a batch; its spec goes first, so that one removed by half is no batch."""
        self.store.delete(f"record/{batch_id}/spec.json")
        self.store.delete(f"record/{batch_id}")

    def seal_page(self, batch_id: str, page: int, items: Sequence[Item]) -> None:
        """Write a page of items; all pages but the last one hold `PAGE` items."""
        lines = b"\n".join(orjson.dumps(item.as_json()) for item in items)
        self.store.put(f"record/{batch_id}/items/{page}.jsonl", lines)

    def items(self, batch_id: str, chunk: Range) -> list[Item]:
        """Return the items of a range; raises `NotFoundError`."""
        found = []
        for index in chunk.indices():
            line = orjson.loads(self._page(batch_id, index // PAGE)[index % PAGE])
            found.append(Item(index, line["source"], line.get("custom_id")))
        return found

    def _read_page(self, batch_id: str, page: int) -> list[bytes]:
        data = self.store.get(f"record/{batch_id}/items/{page}.jsonl")
        if data is None:
            raise NotFoundError(f"the batch {batch_id} has no page {page} of items")
        return data.split(b"\n")

    def commit(self, lease: Lease, outcomes: Iterable[Outcome], tally: Tally) -> None:
        """Write the outcomes of a chunk: after its outputs, before its lease is settled."""
        head = orjson.dumps({"schema_version": SCHEMA, **lease.as_json(), **_tally_json(tally)})
        lines = [head, *(orjson.dumps(outcome.as_json()) for outcome in outcomes)]
        self.store.put(_commit_key(lease), b"\n".join(lines))

    def committed(self, lease: Lease) -> Tally | None:
        """Return the tally of a chunk that was committed but perhaps never settled."""
        with_head = self.store.open(_commit_key(lease))
        if with_head is None:
            return None
        with with_head:
            return _tally_of(orjson.loads(with_head.readline()))

    def entries(self, batch_id: str) -> list[Entry]:
        """Return the commit files in the order of their tokens, the lowest first."""
        names = self.store.names(f"record/{batch_id}/results")
        return sorted((Entry.of(name) for name in names), key=lambda entry: entry.token)

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
        story += self._retries(batch_id)
        found: dict[int, dict[str, Any]] = {}
        for _, step in sorted(story, key=lambda row: row[0]):
            if isinstance(step, Entry):
                lines = self._lines(batch_id, step)
                found |= {o["index"]: o for o in lines if window.first <= o["index"] < window.end}
            else:
                found = {index: outcome for index, outcome in found.items() if index not in step}
        return found

    def _lines(self, batch_id: str, entry: Entry) -> Iterator[dict[str, Any]]:
        data = self.store.get(f"record/{batch_id}/results/{entry.name}") or b""
        return (orjson.loads(line) for line in data.split(b"\n")[1:])

    def _retries(self, batch_id: str) -> Iterator[tuple[int, set[int]]]:
        for name in self.store.names(f"record/{batch_id}/retries"):
            ranges = json.loads(self.store.get(f"record/{batch_id}/retries/{name}") or b"[]")
            indices = {i for first, count in ranges for i in range(first, first + count)}
            yield int(name.removesuffix(".json")), indices

    def reopen(self, batch_id: str, ranges: Sequence[Range]) -> None:
        """Write that these items are not done, whatever was written of them so far."""
        token = max((entry.token for entry in self.entries(batch_id)), default=0)
        body = orjson.dumps([[r.first, r.count] for r in ranges])
        self.store.put(f"record/{batch_id}/retries/{token}.json", body)
        self.store.delete(f"record/{batch_id}/closed.json")

    def note(self, batch_id: str, moves: Sequence[Move]) -> None:
        """Write changes of the batch's state, unless the batch was deleted in between."""
        if self.store.get(f"record/{batch_id}/spec.json") is not None:
            name = f"{moves[0].id}_{moves[-1].id}.jsonl"
            lines = b"\n".join(orjson.dumps(asdict(move)) for move in moves)
            self.store.put(f"record/{batch_id}/log/{name}", lines)

    def moves(self, batch_id: str) -> list[Move]:
        """Return the changes that were written, in no order."""
        blobs = (
            self.store.get(f"record/{batch_id}/log/{name}") or b""
            for name in self.store.names(f"record/{batch_id}/log")
        )
        rows = (orjson.loads(line) for blob in blobs for line in blob.splitlines())
        return [Move.of(row) for row in rows]

    def close(self, batch_id: str, closing: dict[str, Any]) -> None:
        """Write how the batch ended."""
        self.store.put(f"record/{batch_id}/closed.json", orjson.dumps({"schema_version": SCHEMA, **closing}))

    def closed(self, batch_id: str) -> dict[str, Any] | None:
        """Return how the batch ended, None while it has not."""
        data = self.store.get(f"record/{batch_id}/closed.json")
        return None if data is None else orjson.loads(data)

    def _json(self, key: str, batch_id: str) -> dict[str, Any]:
        data = self.store.get(key)
        if data is None:
            raise NotFoundError(f"there is no batch {batch_id!r}")
        found: dict[str, Any] = orjson.loads(data)
        if found["schema_version"] > SCHEMA:
            raise NotFoundError(f"{key} was written by a newer version, form {found['schema_version']}")
        return found


def output_key(batch_id: str, name: str) -> str:
    """Return where an output stands in the store."""
    return f"outputs/{batch_id}/{name}"


def _commit_key(lease: Lease) -> str:
    chunk = lease.range
    return f"record/{lease.batch_id}/results/{chunk.first}-{chunk.count}-{lease.token}.jsonl"


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
