"""One attempt at one item, in three steps: read, render, write; and the engine that takes them in a row."""

import logging
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import orjson
from typing_extensions import override

from rayjobs.codec import Limits
from rayjobs.engine.assignment import Assignment, Engine
from rayjobs.engine.branches import Branch, Rendered, of_variant
from rayjobs.engine.cache import Cache
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.rendering import render_all, second_picture
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.errors import (
    FilterFailedError,
    ItemError,
    OutputConflictError,
    OutputNameError,
    RayJobsError,
    WorkerOutOfMemoryError,
)
from rayjobs.model.item import Ending, Fault, Item, Outcome
from rayjobs.ports import Store
from rayjobs.record.layout import output_key
from rayjobs.request.sources import Sources
from rayjobs.request.spec import Work
from rayjobs.request.variants import Variant
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_WORKS = 16
"""Batches whose parsed pipelines are kept; a slot changes between the batches that run."""
_PICTURES = 4
"""Second pictures that are kept decoded, 256 MB each at most."""


class RenderContext:
    """What all attempts of a process share: sources, store, cache, limits and the worker's id."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.worker = settings.worker_id
        self.limits = Limits.of(settings)
        self.store = store
        self.draining = DrainMark(settings.slot_status_folder).holds
        self.sources = Sources(settings, store)
        self.cache = Cache(store, self.sources, self.limits, settings.max_cache_entries)
        # A watermark is the same for each item of a batch.
        self.picture = lru_cache(_PICTURES)(
            lambda reference: second_picture(self.sources.picture(reference), self.limits)
        )
        self._work = lru_cache(_WORKS)(lambda document: Work.of(orjson.loads(document)))

    def attempts(self, assignment: Assignment) -> "list[Attempt]":
        """Return an attempt for each item, in the items' order."""
        work = self._work(orjson.dumps(assignment.document))
        return [Attempt(self, work, assignment, item) for item in assignment.items]


class Attempt:
    """One attempt at one item; different threads may take the steps, one after another.

    If a step finds a fault of the item, the later steps do nothing, and `outcome` has the fault. Each step
    raises a `RayJobsError` that is not the item's fault, for example because the store is away.
    """

    def __init__(self, context: RenderContext, work: Work, assignment: Assignment, item: Item) -> None:
        self._context = context
        self._work = work
        self.batch_id = assignment.batch_id
        self._number = assignment.attempt
        self._item = item
        self._wanted = [each for each in work.variants if not self._exists(each, "skip")]
        self._source = b""
        self._files: list[tuple[Variant, str, Rendered]] = []
        self._fault: Fault | None = None
        self._shown: dict[str, Any] = {}
        self._busy_s = 0.0
        self._cache_key = ""
        self._is_cached = False

    @property
    def index(self) -> int:
        """Index of the item in its batch."""
        return self._item.index

    @property
    def held_bytes(self) -> int:
        """Size of the source and the files that the attempt holds in memory."""
        return len(self._source) + sum(len(rendered.data) for _, _, rendered in self._files)

    def read(self) -> None:
        """Read the source's bytes into memory."""
        self._take(self._read)

    def render(self, at: Callable[[str], None]) -> None:
        """Make the bytes of all files, and drop the source; `at` gets the name of the variant in hand."""
        self._take(partial(self._render, at))
        self._source = b""

    def write(self) -> None:
        """Write the files into the store, under names that depend on batch and item alone.

        If one file can't be written, the others stay: no record names them, and a repeat writes the same.
        """
        self._take(self._write)
        self._files = []

    def outcome(self) -> Outcome:
        """Return how the attempt ended."""
        done: Ending = "skipped" if self._is_skipped else "cached" if self._is_cached else "succeeded"
        return Outcome(
            index=self._item.index,
            state="failed" if self._fault else done,
            attempts=self._number,
            worker=self._context.worker,
            duration_ms=round(self._busy_s * 1000, 2),
            error=self._fault,
            **self._shown,
        )

    @property
    def _is_skipped(self) -> bool:
        return not self._wanted

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
        except Exception as error:  # a bug that one picture meets must not fail the other items
            log.exception("item failed", extra={"batch": self.batch_id, "item": self._item.index})
            self._fault = Fault.of(FilterFailedError(f"unexpected {type(error).__name__}: {error}"))
        self._busy_s += time.perf_counter() - began

    def _exists(self, variant: Variant, on_exists: str) -> bool:
        return variant.name in self._item.exists and variant.output.on_exists == on_exists

    def _read(self) -> None:
        for each in self._wanted:
            if self._exists(each, "fail"):
                detail = f"its output was in the folder {each.output.folder!r} before the batch"
                with of_variant(each.name):
                    raise OutputConflictError(detail)
        self._source = self._context.sources.read(self._item)

    def _render(self, at: Callable[[str], None]) -> None:
        rendered = (self._found() if self._work.cache else None) or self._made(at)
        self._files = [
            (variant, self._name(variant, each), each)
            for variant, each in zip(self._wanted, rendered, strict=True)
        ]

    def _found(self) -> list[Rendered] | None:
        cache = self._context.cache
        self._cache_key = cache.key(self._work, self._wanted, self._source)
        found = cache.find(self._cache_key, len(self._wanted))
        self._is_cached = found is not None
        return found

    def _made(self, at: Callable[[str], None]) -> list[Rendered]:
        context, work = self._context, self._work
        branches = [Branch(each.pipeline, each.output, each.name, at) for each in self._wanted]
        return render_all(
            self._source, work.pipeline, branches, context.limits, context.picture, work.terms.input
        )

    def _name(self, variant: Variant, rendered: Rendered) -> str:
        with of_variant(variant.name):
            try:
                return variant.file_name(self._item, rendered.extension)
            except OutputNameError as error:
                raise OutputConflictError(error.detail) from error

    def _write(self) -> None:
        _, _, first = self._files[0]
        written = {variant.name: self._put(variant, name, each) for variant, name, each in self._files}
        self._shown = {"input": first.source.as_json()}
        self._shown |= {"outputs": written} if self._work.has_variants else {"output": written[""]}
        if first.analysis:
            self._shown["analysis"] = first.analysis
        if self._cache_key and not self._is_cached:
            made = [(self._place(variant, name), each) for variant, name, each in self._files]
            self._context.cache.keep(self._cache_key, made)

    def _put(self, variant: Variant, name: str, rendered: Rendered) -> dict[str, Any]:
        store, key = self._context.store, self._place(variant, name)
        with of_variant(variant.name):
            store.put(key, rendered.data)
        shown = {"uri": store.uri(key), "name": name, **rendered.output.as_json()}
        return shown | {"analysis": rendered.own_analysis} if rendered.own_analysis else shown

    def _place(self, variant: Variant, name: str) -> str:
        return output_key(self.batch_id, name, variant.output.folder)


class Inline(Engine):
    """Carries assignments out in the calling process, one item after another."""

    def __init__(self, context: RenderContext, status_writer: SlotStatusWriter) -> None:
        self._context = context
        self._status_writer = status_writer
        self._outcomes: list[Outcome] = []

    @override
    def warm(self) -> None:
        """Do nothing: the import of this module has loaded the codecs."""

    @override
    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        self._outcomes = []
        try:
            for attempt in self._context.attempts(assignment):
                if self._context.draining():
                    break
                self._status_writer.take(assignment.batch_id, attempt.index)
                for step in (attempt.read, partial(attempt.render, self._status_writer.at), attempt.write):
                    step()
                self._outcomes.append(attempt.outcome())
                self._status_writer.done()
        finally:
            self._status_writer.rest()
        return self._outcomes

    @override
    def leave(self) -> list[Outcome]:
        return self._outcomes
