"""The purge between two runs: the opposite of a loss, and told apart from it by the record.

It writes what it is about to end before it does anything; so a purge that dies half way is finished by the
next start, and nothing that it ends comes back.
"""

import time
from contextlib import suppress
from typing import Any

from rayjobs.errors import NotFoundError, RecordUnreadableError
from rayjobs.model.batch import Move, State
from rayjobs.ports import Purged, Registry
from rayjobs.record import journal
from rayjobs.record.isolation import isolated
from rayjobs.record.layout import Record
from rayjobs.record.replay import closing, replay, view

_POLL_S = 0.05
"""Between two looks for workers that come back."""


def begin(registry: Registry, record: Record, actor: str) -> tuple[Purged, int]:
    """Begin a new run, in which the batches that are open now are no more; return how many these are."""
    known = sorted({*registry.unfinished(), *record.marked()})
    doomed = [batch_id for batch_id in known if _is_open(batch_id, record)]
    at_ms = time.time_ns() // 1_000_000
    journal.write(registry, record)
    record.begin_purge({"run_id": registry.run_id(), "batches": doomed, "at_ms": at_ms, "actor": actor})
    purged = carry_out(registry, record)
    return purged or Purged(registry.run_id(), 0), len(doomed)


def carry_out(registry: Registry, record: Record) -> Purged | None:
    """Do what a purge has written that it would, from wherever it was left; None if there is none."""
    told = record.purge()
    if told is None:
        return None
    if registry.run_id() == told["run_id"]:
        purged = registry.purge()
    else:
        purged = Purged(registry.run_id(), registry.sweep())
    for batch_id in told["batches"]:
        with isolated(batch_id), suppress(NotFoundError):
            _bury(batch_id, record, told)
    record.end_purge()
    return purged


def _is_open(batch_id: str, record: Record) -> bool:
    """Whether a batch has not ended, by all that can be read of it."""
    try:
        return record.closed(batch_id) is None
    except RecordUnreadableError:
        return True


def _bury(batch_id: str, record: Record, told: dict[str, Any]) -> None:
    try:
        standing, at_ms = replay(record, batch_id), told["at_ms"]
    except RecordUnreadableError:
        record.unmark(batch_id)  # it can't be closed, but it does not come back either
        raise
    if standing.closed is None:
        record.note(batch_id, [Move(f"{at_ms}-0", batch_id, at_ms, State.CANCELLED, "purge", told["actor"])])
        batch = view(standing, told["run_id"])
        record.close(batch_id, closing(batch, State.CANCELLED, at_ms, "purge", standing.waiting))


def returned(registry: Registry, expected: set[str], timeout_s: float) -> int:
    """Return how many workers are registered again, once all that are expected are, or the time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        back = {worker.id for worker in registry.workers()}
        if back >= expected or time.monotonic() > deadline:
            return len(back)
        time.sleep(_POLL_S)
