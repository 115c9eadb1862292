"""Takes back leases whose holder is gone, and closes batches that have nothing left to do."""

import logging
import time
from dataclasses import replace

from rayjobs.errors import (
    BatchDeadlineError,
    ConflictError,
    ItemError,
    LeaseLostError,
    NotFoundError,
    RecordUnreadableError,
)
from rayjobs.lifecycle import pausing
from rayjobs.model.batch import ENDED, Batch, Verb, final_state
from rayjobs.model.item import Fault, Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Batches, Registry, Replayed
from rayjobs.record.isolation import isolated
from rayjobs.record.layout import Record
from rayjobs.record.replay import closing, replay

log = logging.getLogger(__name__)


def take_back(lease: Lease, registry: Registry, record: Record, *, split: bool) -> None:
    """Settle a lease that nobody works on any more.

    If its chunk was committed to the record before the holder was lost, that stands; else nothing that the
    holder may still write does, and the chunk waits again: in halves where its slot was lost (`split`), as
    it is where only the dispatcher was.
    """
    again = tuple(lease.range.halves()) if split else (lease.range,)
    try:
        tally = record.commit(lease, (), Tally(again=again))
    except RecordUnreadableError as error:
        pausing.pause_unreadable(lease.batch_id, error, registry)
        tally = Tally(again=again)
    try:
        settled = registry.settle(lease, tally)
    except LeaseLostError:  # its holder was not gone after all, and was quicker
        return
    log.warning("lease taken back", extra={"batch": lease.batch_id, "first": lease.range.first})
    if settled.closable:
        close(lease.batch_id, registry, record)


def tally_of(lease: Lease, fault: Exception, registry: Batches, record: Record) -> Tally:
    """Return what becomes of a chunk that its slot did not carry out; raises `NotFoundError`."""
    if isinstance(fault, ItemError):
        log.warning("slot lost: %s", fault, extra={"batch": lease.batch_id, "first": lease.range.first})
        max_attempts = registry.get(lease.batch_id).terms.max_attempts
        tally, outcomes = _lost(lease, fault, max_attempts)
        try:
            return record.commit(lease, outcomes, tally)  # unless the slot had committed before it ended
        except RecordUnreadableError as error:
            fault = error
    # A limit: its worker is older than the record, as some are while a new version is rolled out.
    if isinstance(fault, RecordUnreadableError) and fault.limit is None:
        pausing.pause_unreadable(lease.batch_id, fault, registry)
    else:
        log.error("chunk could not be run: %s", fault, extra={"batch": lease.batch_id})
    return Tally(again=(lease.range,))


def _lost(lease: Lease, error: ItemError, max_attempts: int) -> tuple[Tally, list[Outcome]]:
    """Return what becomes of a chunk whose slot ended without a word.

    It is halved, down to one item, which is given up once it is alone and was tried `max_attempts` times.
    """
    chunk = lease.range
    if chunk.count > 1 or chunk.attempt < max_attempts:
        return Tally(again=tuple(chunk.halves())), []
    outcome = Outcome(chunk.first, "failed", chunk.attempt, "lost", 0.0, error=Fault.of(error))
    return Tally(counts={"failed": 1}, errors={error.code: 1}), [outcome]


def expire(batch_id: str, registry: Batches) -> None:
    """End a batch whose deadline is over; a repeat, or a batch without a deadline, changes nothing."""
    try:
        deadline_s = registry.get(batch_id).terms.deadline_s
        if deadline_s is None:
            return
        why = BatchDeadlineError(f"not done within its deadline_s of {deadline_s:g}", limit=deadline_s)
        registry.steer(batch_id, Verb.EXPIRE, "dispatcher", why.code, Fault.of(why))
    except (ConflictError, NotFoundError) as error:  # it ended, or was purged, in between
        log.info("not expired: %s", error, extra={"batch": batch_id})


def close(batch_id: str, registry: Registry, record: Record) -> None:
    """Write a batch's end into the record, then into the registry; a repeat changes nothing.

    One whose record can't be read stays open: it is closed when that was mended.
    """
    with isolated(batch_id):
        _close(batch_id, registry, record)


def _close(batch_id: str, registry: Registry, record: Record) -> None:
    try:
        batch = told = registry.get(batch_id)
        # What ran in spite of an early end, the record alone tells.
        standing = replay(record, batch_id) if batch.counts.cancelled else None
        if standing is not None:
            told = _as_recorded(batch, standing)
        unrun = standing.waiting if standing is not None else ()
        state = final_state(told.counts, batch.ending)
        finished_ms = time.time_ns() // 1_000_000
        mine = closing(told, state, finished_ms, unrun=unrun)
        held = record.close(batch_id, mine)
        record.tidy(batch_id)  # before anybody sees its end, and writes that it is retried
        if told == batch and all(held[name] == mine[name] for name in ("state", "counts", "cause")):
            registry.close(batch_id, state, held["finished_ms"])
        else:  # somebody else has ended it, or what ran has told more
            registry.restore(replay(record, batch_id))
    except NotFoundError:  # purged in between
        log.info("batch was purged before its end", extra={"batch": batch_id})


def _as_recorded(batch: Batch, standing: Replayed) -> Batch:
    """Return a batch that was ended early with the counts of its record; what did not run is cancelled."""
    ends = dict.fromkeys(ENDED, 0) | dict(standing.ends)
    ends["cancelled"] = batch.counts.total - sum(ends.values()) + ends["cancelled"]
    return replace(batch, counts=replace(batch.counts, **ends), errors_by_code=dict(standing.errors))
