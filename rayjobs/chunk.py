"""What a slot does with a chunk: read, render, write, commit; item by item, in a straight line."""

import logging
import time
from collections import Counter
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from rayjobs import naming
from rayjobs.board import Hand
from rayjobs.codec import Limits
from rayjobs.engine import render, second_picture
from rayjobs.errors import (
    FilterFailedError,
    ItemError,
    OutputConflictError,
    OutputNameError,
    OutputNoSpaceError,
    RayJobsError,
    WorkerOutOfMemoryError,
)
from rayjobs.item import Fault, Item, Outcome
from rayjobs.lease import Lease, Tally
from rayjobs.ranges import runs
from rayjobs.record import Record, output_key
from rayjobs.settings import Settings
from rayjobs.sources import Sources
from rayjobs.spec import Work

log = logging.getLogger(__name__)

_PICTURES = 4
"""Second pictures that are kept decoded, 256 MB each at most."""


class Slot:
    """Runs chunks, one at a time; knows the store, but neither Redis nor Ray."""

    def __init__(self, settings: Settings, record: Record, hand: Hand) -> None:
        self._worker = settings.worker_id
        self._limits = Limits(settings.max_pixels, settings.max_frames, settings.max_source_bytes)
        self._record = record
        self._sources = Sources(settings, record.store)
        self._hand = hand
        # A watermark is the same for each item of a batch.
        self._picture = lru_cache(_PICTURES)(
            lambda reference: second_picture(self._sources.picture(reference), self._limits)
        )
        self._work = lru_cache(16)(lambda batch_id: Work.of(record.spec(batch_id)["document"]))

    def run(self, lease: Lease) -> Tally:
        """Carry out a chunk and commit it to the record; return its tally.

        A repeat writes the same outputs under the same names; its commit file has another token.

        Items whose output had no room wait as they were, at the same attempt, and halt the batch.

        Raises:
            StoreUnavailableError: The store is away; nothing was committed.
        """
        began = time.perf_counter()
        work = self._work(lease.batch_id)
        outcomes = []
        try:
            for item in self._record.items(lease.batch_id, lease.range):
                self._hand.take(lease.batch_id, item.index)
                outcomes.append(self._attempt(work, lease, item))
                self._hand.done()
        finally:
            self._hand.rest()
        full = [o.error for o in outcomes if o.error and o.error.code == OutputNoSpaceError.code]
        if full:
            outcomes = [o for o in outcomes if o.error not in full]
        again = [o.index for o in outcomes if self._may_retry(o, work)]
        ended = [o for o in outcomes if o.index not in set(again)]
        left = set(lease.range.indices()) - {o.index for o in outcomes}
        tally = Tally(
            counts=Counter(o.state for o in ended),
            errors=Counter(o.error.code for o in ended if o.error),
            again=(*runs(again, lease.range.attempt + 1), *runs(left, lease.range.attempt)),
            halt=full[0] if full else None,
            busy_ms=(time.perf_counter() - began) * 1000,
        )
        try:
            return self._record.commit(lease, ended, tally)
        except OutputNoSpaceError as error:
            return Tally(again=(lease.range,), halt=Fault.of(error))

    def _may_retry(self, outcome: Outcome, work: Work) -> bool:
        retryable = outcome.error is not None and outcome.error.retryable
        return retryable and outcome.attempts < work.terms.max_attempts

    def _attempt(self, work: Work, lease: Lease, item: Item) -> Outcome:
        began = time.perf_counter()
        found: dict[str, dict[str, Any]] = {}
        fault = None
        try:
            found = self._render(work, lease.batch_id, item)
        except ItemError as error:
            fault = Fault.of(error)
        except MemoryError:
            fault = Fault.of(WorkerOutOfMemoryError("there was not enough memory for this picture"))
        except RayJobsError:
            raise
        except Exception as error:  # the last line of defence: a bug on one picture is that picture's alone
            log.exception("item failed", extra={"batch": lease.batch_id, "item": item.index})
            fault = Fault.of(FilterFailedError(f"unexpected {type(error).__name__}: {error}"))
        return Outcome(
            index=item.index,
            state="failed" if fault else "succeeded",
            attempts=lease.range.attempt,
            worker=self._worker,
            duration_ms=round((time.perf_counter() - began) * 1000, 2),
            error=fault,
            **found,
        )

    def _render(self, work: Work, batch_id: str, item: Item) -> dict[str, dict[str, Any]]:
        output = work.terms.output
        try:
            name = naming.name(output.name, item, output.extension)
        except OutputNameError as error:
            raise OutputConflictError(error.detail) from error
        rendered = render(self._sources.read(item), work.pipeline, output, self._limits, self._picture)
        key = output_key(batch_id, name)
        self._record.store.put(key, rendered.data)
        found = {
            "input": asdict(rendered.source),
            "output": {"uri": self._record.store.uri(key), "name": name, **asdict(rendered.output)},
        }
        return found | ({"analysis": rendered.analysis} if rendered.analysis else {})


def lost(lease: Lease, error: ItemError, max_attempts: int) -> tuple[Tally, list[Outcome]]:
    """Return what becomes of a chunk whose slot ended without a word.

    It is halved, down to one item, which is given up once it is alone and was tried `max_attempts` times.
    """
    chunk = lease.range
    if chunk.count > 1 or chunk.attempt < max_attempts:
        return Tally(again=tuple(chunk.halves())), []
    outcome = Outcome(chunk.first, "failed", chunk.attempt, "lost", 0.0, error=Fault.of(error))
    return Tally(counts={"failed": 1}, errors={error.code: 1}), [outcome]
