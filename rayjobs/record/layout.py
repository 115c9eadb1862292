"""The durable record of batches: what outlives the loss of Redis, and where it stands in the store.

    record/<batch>/items/<page>.jsonl     pages of 10,000 items
    record/<batch>/sealed.json            how many items the pages hold, once all are written
    record/<batch>/spec.json              what was asked, written before the 202: it is a batch from here on
    record/<batch>/results/<first>-<count>-<token>.jsonl
                                          one commit file a chunk, written once and last
    record/<batch>/retries/after-<n>.json
                                          the token of the retry that came after n others, and the ranges that
                                          it put back; created once, so nothing is retried twice
    record/<batch>/heir.json              who has the key of a batch that is over: decided once
    record/<batch>/log/<first>_<last>.jsonl
                                          changes of the batch's state, named by the first and the last id
                                          in it; one may be in several files
    record/<batch>/closed.json            the terminal state with its counts, or a purge's tombstone; created
                                          once: of all who end a batch, the first has the word
    record/<batch>/ends/after-<n>.json    the same, of the batch that was retried n times since
    open/<batch>                          a mark of each batch that has not ended: all that a start looks at
    keys/<sha256 of the key>              which batch an idempotency key has made
    purges/<id>.json                      a purge that has begun and not ended
    purge.json                            the same, of an older version
    outputs/<batch>/<name>                the pictures
    outputs/shared/<folder>/<name>        those of batches that share a folder; deleting a batch leaves them
    uploads/<id>/<name>                   pictures that were sent

What holds where two entries speak of one item, `commits` says.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from rayjobs.errors import (
    ConflictError,
    ItemError,
    LeaseLostError,
    NotFoundError,
    RecordUnreadableError,
    StoreUnavailableError,
)
from rayjobs.model.batch import Move
from rayjobs.model.item import Item
from rayjobs.model.ranges import Range
from rayjobs.ports import Store
from rayjobs.record import schema
from rayjobs.record.commits import Commits
from rayjobs.record.schema import SCHEMA

PAGE = 10_000
"""Items of a page; fixed, so that an item's page follows from its index."""
OUTPUTS = "outputs"
"""Prefix of all the pictures that are written."""
UPLOADS = "uploads"
"""Prefix of the pictures that were sent."""
PARTS = ".parts"
"""Folder in it for files that an engine process has begun, and for those of previews."""
_CACHED_PAGES = 4
_HEIR = b'{"heir"'
"""Begins a spec that never comes: what stands there says who has the key instead."""


@dataclass(frozen=True)
class Listing:
    """What is known of a batch's items by their pages."""

    total: int
    sealed: bool
    """Whether these are all of them."""
    error: dict[str, Any] | None = None
    """Why the listing ended early."""
    remarks: dict[str, Any] = field(default_factory=dict)
    """What `walk.Remarks` tells beside the items; nothing before the end, or of a version that had none."""


class Record(Commits):
    """Reads and writes the record of all batches in one store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        # A slot takes many chunks of one page; splitting it once is enough.
        self._page = lru_cache(_CACHED_PAGES)(self._read_page)

    def open(self, batch_id: str, spec: dict[str, Any]) -> None:
        """Write what was asked; whatever pages are known by now were written before.

        Raises:
            LeaseLostError: It took too long: another batch was given its key.
        """
        self.mark(batch_id)
        body = orjson.dumps({"schema_version": SCHEMA, **spec})
        if not self._put_new(f"record/{batch_id}/spec.json", body):
            raise LeaseLostError(f"another batch was given the key of {batch_id}")

    def mark(self, batch_id: str) -> None:
        """Note that the batch has not ended."""
        self._put(f"open/{batch_id}", b"%d" % (time.time_ns() // 1_000_000))

    def spec(self, batch_id: str) -> dict[str, Any]:
        """Return what was asked; raises `NotFoundError`."""
        key = f"record/{batch_id}/spec.json"
        data = self.store.get(key)
        if data is None or data.startswith(_HEIR):
            raise NotFoundError(f"there is no batch {batch_id!r}")
        found: dict[str, Any] = schema.SPEC.read(key, data)
        return found

    def is_batch(self, batch_id: str) -> bool:
        """Whether there is a batch of this id."""
        try:
            self.spec(batch_id)
        except NotFoundError:
            return False
        return True

    def batches(self) -> Iterator[str]:
        """Give the ids of all batches, in no order; a few may have no spec, and are none."""
        return self.store.names("record")

    def marked(self) -> list[str]:
        """Return the batches that have not ended, and perhaps a few that just began or ended."""
        return sorted(self.store.names("open"))

    def unmark(self, batch_id: str, older_than_s: float = 0) -> None:
        """Take the mark off a batch that has ended, if it was there for so long."""
        key = f"open/{batch_id}"
        written = self.store.get(key)
        if written is not None and schema.MARK.read(key, written) <= (time.time() - older_than_s) * 1000:
            self.store.delete(key)

    def discard(self, batch_id: str) -> None:
        """Remove a batch; its spec goes first, so that one removed by half is no batch."""
        with suppress(NotFoundError, RecordUnreadableError):  # a key without a batch is free again, too
            key = self.spec(batch_id)["key"]
            held = None if key is None else self.key(key)
            if held is not None and held["id"] == batch_id:
                self.store.delete(_key_of(key))
        self.store.delete(f"record/{batch_id}/spec.json")
        self.store.delete(f"record/{batch_id}")
        self.store.delete(f"open/{batch_id}")

    def key(self, key: str) -> dict[str, Any] | None:
        """Return which batch has taken an idempotency key, and when."""
        return self._read(schema.KEY, _key_of(key))

    def take_key(self, key: str, batch_id: str) -> bool:
        """Give a key to a batch, unless it is taken; return whether it was given."""
        at_ms = time.time_ns() // 1_000_000
        return self.store.put_new(_key_of(key), orjson.dumps({"id": batch_id, "at_ms": at_ms}))

    def give_key(self, key: str, batch_id: str) -> None:
        """Write which batch has the key, where that is decided."""
        at_ms = time.time_ns() // 1_000_000
        self._put(_key_of(key), orjson.dumps({"id": batch_id, "at_ms": at_ms}))

    def inherit(self, key: str, dead: str, batch_id: str, *, over: bool) -> str:
        """Take a key over from a batch that is `over`, or none so far; return who has it now.

        Of all who try, the first one gets it; and a submission that was only slow can't become a batch any
        more, for its spec is created as this is, and never replaced.
        """
        place = f"record/{dead}/heir.json" if over else f"record/{dead}/spec.json"
        body = orjson.dumps({"heir": batch_id, "at_ms": time.time_ns() // 1_000_000})
        if self._put_new(place, body):
            heir = batch_id
        else:
            found = self.store.get(place) or b""
            if not found.startswith(_HEIR):  # it has become a batch after all, or was deleted
                return dead
            heir = str(schema.HEIR.read(place, found)["heir"])
        self.give_key(key, heir)
        return heir

    def seal_page(self, batch_id: str, page: int, items: Sequence[Item]) -> None:
        """Write a page of items; all pages but the last one hold `PAGE` items."""
        lines = b"\n".join(orjson.dumps(item.as_json()) for item in items)
        self._put(f"record/{batch_id}/items/{page}.jsonl", lines)

    def seal(
        self,
        batch_id: str,
        total: int,
        error: dict[str, Any] | None = None,
        remarks: dict[str, Any] | None = None,
    ) -> None:
        """Write that the pages are all there; with `error`, the listing ended early."""
        told = {"total": total, "error": error, "remarks": remarks or {}}
        self._put(f"record/{batch_id}/sealed.json", orjson.dumps(told))

    def listing(self, batch_id: str) -> Listing:
        """Return how far a batch is listed."""
        sealed = self._read(schema.SEALED, f"record/{batch_id}/sealed.json")
        if sealed is not None:
            return Listing(
                sealed["total"], sealed=True, error=sealed["error"], remarks=sealed.get("remarks", {})
            )
        pages = len(list(self.store.names(f"record/{batch_id}/items")))
        last = len(self._read_page(batch_id, pages - 1)[1]) if pages else 0
        return Listing(PAGE * max(pages - 1, 0) + last, sealed=False)

    def items(self, batch_id: str, chunk: Range) -> list[Item]:
        """Return the items of a range; raises `NotFoundError`."""
        try:
            return [self._item(batch_id, index) for index in chunk.indices()]
        except RecordUnreadableError:
            self._page.cache_clear()  # it may have been mended at the next look
            raise

    def _item(self, batch_id: str, index: int) -> Item:
        key, lines = self._page(batch_id, index // PAGE)
        if index % PAGE >= len(lines):
            raise schema.ITEM.wrong(key, f"it has {len(lines)} lines, and none for item {index}")
        return Item.of(index, schema.ITEM.read(key, lines[index % PAGE]))

    def _read_page(self, batch_id: str, page: int) -> tuple[str, list[bytes]]:
        key = f"record/{batch_id}/items/{page}.jsonl"
        data = self.store.get(key)
        if data is None:
            self.spec(batch_id)  # else the batch itself is gone
            raise schema.ITEM.wrong(key, "it is missing")
        return key, data.split(b"\n")

    def reopen(self, batch_id: str, ranges: Sequence[Range], token: int, retries: int) -> None:
        """Write that these items are not done, whatever was written of them under a lower token.

        How the batch had ended holds no more, as it counts one retry less; the next end replaces it.

        Args:
            batch_id: Of which batch.
            ranges: Which items.
            token: Under which the registry has decided it.
            retries: How often the batch had been retried when it was closed, as that end says.

        Raises:
            ConflictError: It was retried since, by somebody else.
        """
        self.mark(batch_id)
        body = orjson.dumps({"token": token, "ranges": [[r.first, r.count] for r in ranges]})
        if not self._put_new(f"record/{batch_id}/retries/after-{retries}.json", body):
            raise ConflictError(f"{batch_id} is being retried; try again when it has ended")

    def note(self, batch_id: str, moves: Sequence[Move]) -> None:
        """Write changes of the batch's state, unless the batch was deleted in between."""
        if self.is_batch(batch_id):
            name = f"{moves[0].id}_{moves[-1].id}.jsonl"
            lines = b"\n".join(orjson.dumps(asdict(move)) for move in moves)
            self._put(f"record/{batch_id}/log/{name}", lines)

    def moves(self, batch_id: str) -> list[Move]:
        """Return the changes that were written, in no order."""
        keys = [f"record/{batch_id}/log/{name}" for name in self.store.names(f"record/{batch_id}/log")]
        lines = ((key, line) for key in keys for line in (self.store.get(key) or b"").split(b"\n"))
        return [Move.of(schema.MOVE.read(key, line)) for key, line in lines]

    def close(self, batch_id: str, closing: dict[str, Any]) -> dict[str, Any]:
        """Write how the batch ended, then take its mark off; return the end that holds.

        It is another one where somebody was first: an end is never replaced, only followed by a retry.
        """
        retries = self._retried(batch_id)
        body = orjson.dumps({"schema_version": SCHEMA, "retries": retries, **closing})
        first, later = f"record/{batch_id}/closed.json", f"record/{batch_id}/ends/after-{retries}.json"
        if not self._put_new(first, body) and self._closed(batch_id, retries) is None:
            self._put_new(later, body)
        self.unmark(batch_id)
        held = self._closed(batch_id, retries)
        if held is None:
            raise NotFoundError(f"there is no batch {batch_id!r}")
        return held

    def tidy(self, batch_id: str) -> None:
        """Remove what processes that were killed while they wrote have left of a batch that has ended."""
        self.store.tidy(f"record/{batch_id}")  # outputs begin elsewhere, where the engine's keeper tidies

    def begin_purge(self, purge: dict[str, Any]) -> None:
        """Write which batches a purge ends, before it does anything, in a file named by its `id`."""
        self._put(f"purges/{purge['id']}.json", orjson.dumps({"schema_version": SCHEMA, **purge}))

    def purge(self) -> dict[str, Any] | None:
        """Return the oldest purge that has begun and not ended."""
        keys = ["purge.json", *(f"purges/{name}" for name in sorted(self.store.names("purges")))]
        return next(filter(None, (self._read(schema.PURGE, key) for key in keys)), None)

    def end_purge(self, purge: dict[str, Any]) -> None:
        """Forget a purge: all of it is done."""
        self.store.delete(f"purges/{purge['id']}.json" if "id" in purge else "purge.json")

    def _put(self, key: str, data: bytes) -> None:
        """Write what is about a batch as a whole: a fault of the store, never one of an item."""
        try:
            self.store.put(key, data)
        except ItemError as error:
            raise StoreUnavailableError(error.detail) from error

    def _put_new(self, key: str, data: bytes) -> bool:
        """Write what is decided once; return whether it was not decided before."""
        try:
            return self.store.put_new(key, data)
        except ItemError as error:
            raise StoreUnavailableError(error.detail) from error


def _key_of(key: str) -> str:
    return f"keys/{hashlib.sha256(key.encode()).hexdigest()}"


def output_key(batch_id: str, name: str, folder: str | None = None) -> str:
    """Return where an output stands in the store: in its batch's own folder, or in a shared one."""
    return f"{OUTPUTS}/shared/{folder}/{name}" if folder else f"{OUTPUTS}/{batch_id}/{name}"
