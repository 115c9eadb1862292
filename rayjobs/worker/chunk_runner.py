"""Runs a chunk in a slot: an engine carries the items out, the runner commits the outcomes."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from rayjobs.engine.assignment import Assignment, Engine
from rayjobs.errors import OutputNoSpaceError
from rayjobs.model.item import Fault, Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range, runs
from rayjobs.model.terms import BatchTerms
from rayjobs.record.layout import Record

_DOCUMENTS = 16
"""Batches whose documents are kept in memory; a slot changes between the batches that run."""


class ChunkRunner:
    """Runs chunks, one at a time; knows the store, but neither Redis nor Ray nor pictures."""

    def __init__(self, record: Record, engine: Engine) -> None:
        self._record = record
        self._engine = engine
        self._terms = lru_cache(_DOCUMENTS)(lambda batch_id: BatchTerms.of(record.spec(batch_id)["document"]))

    def run(self, lease: Lease) -> Tally:
        """Carry out a chunk and commit it to the record; return its tally.

        A repeat writes the same outputs under the same names; its commit file has another token.

        If the disk has no room for an output, its item waits again at the same attempt, and the batch pauses.

        Raises:
            StoreUnavailableError: The store is away; nothing was committed.
            EngineUnavailableError: No engine process can be kept alive; nothing was committed.
            SystemExit: The process has to end; the items that had ended are committed, the others wait again
                at the same attempt.
        """
        began = time.perf_counter()
        terms = self._terms(lease.batch_id)
        items = tuple(self._record.items(lease.batch_id, lease.range))
        try:
            outcomes = self._engine.carry_out(
                Assignment(lease.batch_id, lease.range.attempt, terms.document, items)
            )
        except SystemExit:
            self._commit(lease, self._engine.leave(), terms.max_attempts, began)
            raise
        return self._commit(lease, outcomes, terms.max_attempts, began)

    def _commit(self, lease: Lease, outcomes: list[Outcome], max_attempts: int, began: float) -> Tally:
        full = [o.error for o in outcomes if o.error and o.error.code == OutputNoSpaceError.code]
        kept = [o for o in outcomes if o.error not in full] if full else outcomes
        again = [o for o in kept if _may_retry(o, max_attempts)]
        ended = [o for o in kept if not _may_retry(o, max_attempts)]
        left = set(lease.range.indices()) - {o.index for o in kept}
        tally = Tally(
            counts=Counter(o.state for o in ended),
            errors=Counter(o.error.code for o in ended if o.error),
            again=(*_next_attempts(again), *runs(left, lease.range.attempt)),
            halt=full[0] if full else None,
            busy_ms=(time.perf_counter() - began) * 1000,
        )
        try:
            return self._record.commit(lease, ended, tally)
        except OutputNoSpaceError as error:
            return Tally(again=(lease.range,), halt=Fault.of(error))


def _may_retry(outcome: Outcome, max_attempts: int) -> bool:
    retryable = outcome.error is not None and outcome.error.retryable
    return retryable and outcome.attempts < max_attempts


def _next_attempts(outcomes: Sequence[Outcome]) -> Iterator[Range]:
    """Give the ranges to try again; items of one chunk may have made different numbers of attempts."""
    for attempts, group in groupby(sorted(outcomes, key=lambda o: o.attempts), key=lambda o: o.attempts):
        yield from runs((o.index for o in group), attempts + 1)
