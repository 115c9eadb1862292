"""Reads batches, their items, results and outputs.

The registry knows the latest state of a batch. The record still has the batches that the
registry has forgotten.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from rayjobs.codec import FORMATS
from rayjobs.errors import (
    CancelledItemError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    Problem,
    RecordUnreadableError,
    RegistryBehindError,
)
from rayjobs.model.batch import TERMINAL, Batch, State
from rayjobs.model.item import Fault
from rayjobs.model.ranges import Range
from rayjobs.ports import Event, Page, Registry, Told
from rayjobs.record import journal
from rayjobs.record.commits import Entry
from rayjobs.record.layout import Record, output_key
from rayjobs.record.replay import replay, view
from rayjobs.request.problems import shown

CURSOR = r"^i(0|[1-9][0-9]{0,14})$"
"""What a page of items gives to go on from; of no meaning to clients."""
_WINDOW = 1000
"""Items that are read at a time: what a page or a stream holds in memory."""
_BEFORE_ALL = "0"
"""The id of an `end` before which no event is known."""
_CATCH_UP_S = 5.0
"""Longest time until a restored registry has settled the chunks that the record already contains."""
_FRESH_S = 2.0
"""Greatest age of a computed view of an open batch that only the record knows."""
_LOOK = 100
"""Windows that one call searches for items that match, before it answers with what it has."""


@dataclass(frozen=True)
class OutputFile:
    """An output, ready to be sent; the receiver closes `file`."""

    file: BinaryIO
    media_type: str
    etag: str
    """SHA-256 of the bytes."""
    name: str
    size_bytes: int


class Queries:
    """Answers questions about batches; every method is safe to call from several threads."""

    def __init__(self, registry: Registry, record: Record) -> None:
        self._registry = registry
        self._record = record
        self._folding = threading.Lock()
        self._folded: dict[str, tuple[float, Batch]] = {}

    def batch(self, batch_id: str) -> Batch:
        """Return a batch; raises `NotFoundError`. While the registry is behind, it comes from the record."""
        try:
            found = self._registry.get(batch_id, whole=True)
        except (NotFoundError, RegistryBehindError):
            return self._of_record(batch_id)
        return self._caught_up(found)

    def _caught_up(self, found: Batch) -> Batch:
        """Return a batch, or its last view from the record if that view has more items done.

        A chunk is in the record a moment before the registry settles the chunk, and progress must not
        go back.
        """
        with self._folding:
            at, kept = self._folded.get(found.id, (0.0, None))
            if kept is not None and found.counts.done < kept.counts.done and found.state not in TERMINAL:
                if time.monotonic() - at < _CATCH_UP_S:
                    return kept
            elif kept is not None:  # the registry has caught up
                del self._folded[found.id]
            return found

    def _of_record(self, batch_id: str) -> Batch:
        if self._record.closed(batch_id) is not None:
            return self._view(batch_id)
        # While a lost registry is restored, every client that follows a batch comes here again and again, and
        # the view of an open batch reads all its commit files. So a view is kept for a moment.
        with self._folding:
            at, batch = self._folded.get(batch_id, (0.0, None))
            is_of_run = batch is not None and batch.run_id == self._registry.run_id()
            if batch is None or not is_of_run or time.monotonic() - at > _FRESH_S:
                batch = self._view(batch_id)
                recent = {
                    one: kept for one, kept in self._folded.items() if time.monotonic() - kept[0] < _FRESH_S
                }
                self._folded = recent | {batch_id: (time.monotonic(), batch)}
            return batch

    def _view(self, batch_id: str) -> Batch:
        replayed = replay(self._record, batch_id)
        batch = view(replayed, self._registry.run_id())
        return batch if replayed.closed else journal.as_logged(batch, self._record.moves(batch_id))

    def page(
        self, *, limit: int, cursor: str | None, state: State | None, label: tuple[str, str] | None
    ) -> Page:
        """Return batches, newest first.

        Where conditions narrow it, a page may be short although `next` says that there is more.
        """
        try:
            found = self._registry.page(limit=limit, cursor=cursor, state=state, label=label)
            missing = self._not_entered(cursor, found.next)
        except RegistryBehindError:
            found, missing = self._unlisted_page(limit, cursor), []
        batches, unreadable = list(found.batches), {}
        for batch_id in {*found.forgotten, *missing}:
            try:
                batches.append(self.batch(batch_id))
            except NotFoundError:  # a submission that died before it was one, or a batch just deleted
                continue
            except RecordUnreadableError as error:
                unreadable[batch_id] = error.detail
        shown = [batch for batch in batches if batch.matches(state, label)]
        newest_first = sorted(shown, key=lambda batch: batch.id, reverse=True)
        return Page(newest_first, found.next, unreadable=unreadable)

    def _not_entered(self, cursor: str | None, last: str | None) -> list[str]:
        """Return the batches of a page that are in the record and not yet in the registry."""
        known = {*self._registry.unfinished()}
        # Behind `known`: one that ends in between is then in neither.
        marked = (one for one in self._record.marked() if one not in known)
        return [one for one in marked if (cursor is None or one < cursor) and (last is None or one >= last)]

    def _unlisted_page(self, limit: int, cursor: str | None) -> Page:
        """Return a page from the record, while the registry has no listing after a loss."""
        older = sorted(
            (one for one in self._record.batches() if cursor is None or one < cursor), reverse=True
        )
        return Page([], older[limit - 1] if len(older) > limit else None, tuple(older[:limit]))

    def events(self, batch_id: str, after: str | None) -> list[Event]:
        """Return a batch's events behind the one with id `after`; of one that has ended the last is `end`.

        The state of the batch says whether it has ended, because events may be lost. An `end` that is not
        among the events gets the id of the event before it, or `after` if there is none. Raises
        `NotFoundError`.
        """
        try:
            told = self._registry.events(batch_id, after)
        except (NotFoundError, RegistryBehindError):
            told = Told([], self._end_of_record(batch_id))
        events = told.events
        if told.ended is None or (events and events[-1].kind == "end"):
            return events
        return [*events, Event(events[-1].id if events else after or _BEFORE_ALL, "end", told.ended)]

    def _end_of_record(self, batch_id: str) -> dict[str, Any] | None:
        self._record.spec(batch_id)
        closed = self._record.closed(batch_id)
        return closed and {"state": closed["state"], "counts": closed["counts"]}

    def items(
        self, batch_id: str, *, state: str | None, code: str | None, cursor: str | None, limit: int
    ) -> dict[str, Any]:
        """Return up to `limit` items in index order from the cursor on, and the next cursor.

        Where few items match, a page may be short although `next` says that there is more.

        Raises:
            NotFoundError: There is no such batch.
            InvalidRequestError: The cursor is not one of ours.
        """
        batch = self.batch(batch_id)
        start, found = _index_of(cursor), []
        entries = self._record.entries(batch_id)
        for window in _windows(start, batch.counts.total, _LOOK):
            for item in self._window(batch, window, entries):
                start = item["index"] + 1
                if state in (None, item["state"]) and code in (None, item.get("error", {}).get("code")):
                    found.append(item)
                if len(found) == limit:
                    break
            if len(found) == limit:
                break
        return {"items": found, "next": _cursor_of(start) if start < batch.counts.total else None}

    def log(self, batch_id: str) -> list[dict[str, Any]]:
        """Return every change of the batch's state, the oldest first; raises `NotFoundError`."""
        return [move.as_json() for move in journal.read(batch_id, self._registry, self._record)]

    def item(self, batch_id: str, index: int) -> dict[str, Any]:
        """Return one item; raises `NotFoundError`."""
        batch = self.batch(batch_id)
        if not 0 <= index < batch.counts.total:
            raise NotFoundError(f"{batch_id} has items 0 to {batch.counts.total - 1}, not {index}")
        return next(self._window(batch, Range(index, 1), self._record.entries(batch_id)))

    def output(self, batch_id: str, index: int, variant: str | None = None) -> OutputFile:
        """Return an item's picture, or one of its variants by its name.

        Raises:
            NotFoundError: There is no such item or variant, or its output was removed from the store.
            ConflictError: The item has no output (so far), or another batch has written over it since.
        """
        item, document = self.item(batch_id, index), self.batch(batch_id).document
        here = f"item {index} of {batch_id}"
        files = {one["name"]: one["output"] for one in document.get("variants", ())} or {
            None: document["output"]
        }
        if variant not in files:
            raise NotFoundError(_no_variant(here, variant, [name for name in files if name]))
        output = item.get("outputs", {}).get(variant) if variant else item.get("output")
        if output is None:
            raise ConflictError(
                f"{here} is {item['state']} and has no output{f' {variant!r}' if variant else ''}"
            )
        folder = files[variant].get("folder")
        file = self._record.store.open(output_key(batch_id, output["name"], folder))
        if file is None:
            raise NotFoundError(f"the output {output['uri']} is gone")
        if folder and _sha256(file) != output["sha256"]:
            file.close()
            raise ConflictError(f"the output {output['uri']} was replaced since by another batch")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        media_type = FORMATS[output["format"]].media_type
        return OutputFile(file, media_type, output["sha256"], output["name"].rsplit("/", 1)[-1], size)

    def results(self, batch_id: str) -> Iterator[bytes]:
        """Give one JSON line an item, in index order: the result manifest as it stands."""
        batch = self.batch(batch_id)
        entries = self._record.entries(batch_id)
        return (
            orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)
            for window in _windows(0, batch.counts.total, None)
            for item in self._window(batch, window, entries)
        )

    def _window(self, batch: Batch, window: Range, entries: list[Entry]) -> Iterator[dict[str, Any]]:
        outcomes = self._record.outcomes(batch.id, window, entries)
        running = {i for lease in self._registry.leases(batch_id=batch.id) for i in lease.range.indices()}
        for item in self._record.items(batch.id, window):
            outcome = outcomes.get(item.index) or _without_outcome(batch, running=item.index in running)
            yield {"index": item.index, "custom_id": item.custom_id, "source": item.source, **outcome}


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _without_outcome(batch: Batch, *, running: bool) -> dict[str, Any]:
    if running:
        return {"state": "running", "attempts": 0}
    if batch.ending or batch.state in TERMINAL:
        error = CancelledItemError(f"the batch was {batch.ending or State.CANCELLED} before this item ran")
        return {"state": "cancelled", "attempts": 0, "error": Fault.of(error).as_json()}
    return {"state": "pending", "attempts": 0}


def _no_variant(here: str, asked: str | None, names: list[str]) -> str:
    if not names:
        return f"{here} has one output and no variant {asked!r}"
    known = ", ".join(names)
    if asked is None:
        return f"{here} has several outputs; say which by ?variant=: {known}"
    return f"{here} has no variant {asked!r}; there are {known}"


def _windows(start: int, total: int, most: int | None) -> Iterator[Range]:
    end = total if most is None else min(total, start + most * _WINDOW)
    for first in range(start, end, _WINDOW):
        yield Range(first, min(_WINDOW, total - first))


def _cursor_of(index: int) -> str:
    return f"i{index}"


def _index_of(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not re.fullmatch(CURSOR, cursor):
        problem = Problem(
            "/cursor",
            InvalidRequestError.code,
            "this is not a cursor of an earlier page",
            actual=shown(cursor),
        )
        raise InvalidRequestError(problem.detail, [problem])
    return int(cursor[1:])
