"""One try at one item, in three steps: read, render, write; and the plain way to take them in a row."""

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from typing_extensions import override

from rayjobs import naming
from rayjobs.assignment import Assignment, Engine
from rayjobs.board import Hand
from rayjobs.codec import Limits
from rayjobs.drain import DrainMark
from rayjobs.engine import Rendered, render, second_picture
from rayjobs.errors import (
    FilterFailedError,
    ItemError,
    OutputConflictError,
    OutputNameError,
    RayJobsError,
    WorkerOutOfMemoryError,
)
from rayjobs.item import Ending, Fault, Item, Outcome
from rayjobs.ports import Store
from rayjobs.record import output_key
from rayjobs.settings import Settings
from rayjobs.sources import Sources
from rayjobs.spec import Work

log = logging.getLogger(__name__)

_WORKS = 16
"""Batches whose pipelines are kept parsed; a slot changes between those that run."""
_PICTURES = 4
"""Second pictures that are kept decoded, 256 MB each at most."""


class Means:
    """What every attempt needs: sources, store, limits and the worker's name."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.worker = settings.worker_id
        self.limits = Limits.of(settings)
        self.store = store
        self.draining = DrainMark(settings.board_folder).holds
        self.sources = Sources(settings, store)
        # A watermark is the same for each item of a batch.
        self.picture = lru_cache(_PICTURES)(
            lambda reference: second_picture(self.sources.picture(reference), self.limits)
        )
        self._work = lru_cache(_WORKS)(lambda document: Work.of(orjson.loads(document)))

    def attempts(self, assignment: Assignment) -> "list[Attempt]":
        """Return an attempt for each item, in their order."""
        work = self._work(orjson.dumps(assignment.document))
        return [Attempt(self, work, assignment, item) for item in assignment.items]


class Attempt:
    """One try at one item; the steps may be taken by different threads, one after another.

    The item's fault in one of them makes the others do nothing. Each raises `RayJobsError` for what
    is no item's fault: the store is away.
    """

    def __init__(self, means: Means, work: Work, assignment: Assignment, item: Item) -> None:
        self._means = means
        self._work = work
        self.batch_id = assignment.batch_id
        self._number = assignment.attempt
        self._item = item
        self._source = b""
        self._rendered: Rendered | None = None
        self._fault: Fault | None = None
        self._shown: dict[str, Any] = {}
        self._busy_s = 0.0

    @property
    def index(self) -> int:
        """The item's."""
        return self._item.index

    @property
    def held_bytes(self) -> int:
        """Size of the files that it holds in memory."""
        return len(self._source) + (len(self._rendered.data) if self._rendered else 0)

    def read(self) -> None:
        """Take the source's bytes into memory."""
        self._take(self._read)

    def render(self) -> None:
        """Make the output's bytes of the source's, and let go of those."""
        self._take(self._render)
        self._source = b""

    def write(self) -> None:
        """Put the output into the store, under a name that depends on batch and item alone."""
        self._take(self._write)
        self._rendered = None

    def outcome(self) -> Outcome:
        """Return how it ended."""
        done: Ending = "skipped" if self._is_skipped else "succeeded"
        return Outcome(
            index=self._item.index,
            state="failed" if self._fault else done,
            attempts=self._number,
            worker=self._means.worker,
            duration_ms=round(self._busy_s * 1000, 2),
            error=self._fault,
            **self._shown,
        )

    @property
    def _is_skipped(self) -> bool:
        return self._item.exists and self._work.terms.output.on_exists == "skip"

    def _take(self, step: Callable[[], None]) -> None:
        if self._fault is not None or self._is_skipped:
            return
        began = time.perf_counter()
        try:
            step()
        except ItemError as error:
            self._fault = Fault.of(error)
        except MemoryError:
            self._fault = Fault.of(WorkerOutOfMemoryError("there was not enough memory for this picture"))
        except RayJobsError:
            raise
        except Exception as error:  # the last line of defence: a bug on one picture is that picture's alone
            log.exception("item failed", extra={"batch": self.batch_id, "item": self._item.index})
            self._fault = Fault.of(FilterFailedError(f"unexpected {type(error).__name__}: {error}"))
        self._busy_s += time.perf_counter() - began

    def _read(self) -> None:
        output = self._work.terms.output
        if self._item.exists and output.on_exists == "fail":
            raise OutputConflictError(f"its output was in the folder {output.folder!r} before the batch")
        self._source = self._means.sources.read(self._item)

    def _render(self) -> None:
        terms, means = self._work.terms, self._means
        rendered = render(
            self._source, self._work.pipeline, terms.output, means.limits, means.picture, terms.input
        )
        try:
            self._name = naming.name(terms.output.name, self._item, rendered.extension)
        except OutputNameError as error:
            raise OutputConflictError(error.detail) from error
        self._rendered = rendered

    def _write(self) -> None:
        if (rendered := self._rendered) is None:
            return
        key = output_key(self.batch_id, self._name, self._work.terms.output.folder)
        self._means.store.put(key, rendered.data)
        uri = self._means.store.uri(key)
        self._shown = {
            "input": rendered.source.as_json(),
            "output": {"uri": uri, "name": self._name, **rendered.output.as_json()},
        }
        if rendered.analysis:
            self._shown["analysis"] = rendered.analysis


class Inline(Engine):
    """Carries assignments out in this very process, each item from its first step to its last."""

    def __init__(self, means: Means, hand: Hand) -> None:
        self._means = means
        self._hand = hand
        self._outcomes: list[Outcome] = []

    @override
    def warm(self) -> None:
        """Importing this module was all."""

    @override
    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        self._outcomes = []
        try:
            for attempt in self._means.attempts(assignment):
                if self._means.draining():
                    break
                self._hand.take(assignment.batch_id, attempt.index)
                for step in (attempt.read, attempt.render, attempt.write):
                    step()
                self._outcomes.append(attempt.outcome())
                self._hand.done()
        finally:
            self._hand.rest()
        return self._outcomes

    @override
    def leave(self) -> list[Outcome]:
        return self._outcomes
