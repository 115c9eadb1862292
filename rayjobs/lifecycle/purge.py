"""The purge between two runs: the opposite of a loss, and told apart from it by the record.

It writes what it is about to end before it does anything; so a purge that dies half way is finished by the
next start, and nothing that it ends comes back. Several may carry out one purge at once, or several purges:
the end of a batch is created once, so it is that of the first, and what is committed behind it does not hold.
"""

import time
from contextlib import suppress
from typing import Any

from rayjobs.errors import NotFoundError, RecordUnreadableError
from rayjobs.model.batch import Move, State
from rayjobs.model.ids import new_id
from rayjobs.ports import Purged, Registry
from rayjobs.record import journal
from rayjobs.record.isolation import isolated
from rayjobs.record.layout import Record
from rayjobs.record.replay import closing, replay, view

_POLL_S = 0.05
"""Between two looks for workers that come back."""


def standing(registry: Registry, record: Record) -> list[str]:
    """Return the batches that have not ended, by the registry or, where that has lost them, by the record."""
    known = sorted({*registry.unfinished(), *record.marked()})
    return [batch_id for batch_id in known if _is_open(batch_id, record)]


def begin(registry: Registry, record: Record, actor: str) -> tuple[Purged, int]:
    """Begin a new run, in which the batches that are open now are no more; return how many it has ended."""
    doomed, at_ms = standing(registry, record), time.time_ns() // 1_000_000
    journal.write(registry, record)
    told = {"id": new_id("p"), "run_id": registry.run_id(), "batches": doomed, "at_ms": at_ms, "actor": actor}
    record.begin_purge(told)
    purged = carry_out(registry, record)
    ended = sum(_has_ended(batch_id, record, told) for batch_id in doomed)
    return purged or Purged(registry.run_id(), 0), ended


def carry_out(registry: Registry, record: Record) -> Purged | None:
    """Do what purges have written that they would, from wherever they were left; None if there is none."""
    purged = None
    while (told := record.purge()) is not None:
        purged = _carry_out(told, registry, record)
    return purged


def _carry_out(told: dict[str, Any], registry: Registry, record: Record) -> Purged:
    if registry.run_id() == told["run_id"]:
        purged = registry.purge()
    else:
        purged = Purged(registry.run_id(), registry.sweep())
    for batch_id in told["batches"]:
        with isolated(batch_id), suppress(NotFoundError):
            _bury(batch_id, record, told)
    record.end_purge(told)
    return purged


def _is_open(batch_id: str, record: Record) -> bool:
    """Whether a batch has not ended, by all that can be read of it."""
    try:
        return record.closed(batch_id) is None
    except RecordUnreadableError:
        return True


def _has_ended(batch_id: str, record: Record, told: dict[str, Any]) -> bool:
    """Whether it was this purge that ended a batch; also one of which that can't be read."""
    try:
        return _is_of(told, record.closed(batch_id))
    except RecordUnreadableError:
        return True


def _is_of(told: dict[str, Any], end: dict[str, Any] | None) -> bool:
    # Two purges may begin in one millisecond; the id is absent where an older version began it.
    own = ("purge", told["at_ms"], told.get("id"))
    return end is not None and (end["cause"], end["finished_ms"], end.get("purge")) == own


def _bury(batch_id: str, record: Record, told: dict[str, Any]) -> None:
    try:
        left, at_ms = replay(record, batch_id), told["at_ms"]
    except RecordUnreadableError:
        record.unmark(batch_id)  # it can't be closed, but it does not come back either
        raise
    end = record.closed(batch_id)
    if left.closed is None:
        batch = view(left, told["run_id"])
        mine = closing(batch, State.CANCELLED, at_ms, "purge", left.waiting)
        end = record.close(batch_id, mine | ({"purge": told["id"]} if "id" in told else {}))
    if _is_of(told, end):  # the log tells the end that holds, and no other
        record.note(batch_id, [Move(f"{at_ms}-0", batch_id, at_ms, State.CANCELLED, "purge", told["actor"])])


def returned(registry: Registry, expected: set[str], timeout_s: float) -> int:
    """Return how many workers are registered again, once all that are expected are, or the time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        back = {worker.id for worker in registry.workers()}
        if back >= expected or time.monotonic() > deadline:
            return len(back)
        time.sleep(_POLL_S)
