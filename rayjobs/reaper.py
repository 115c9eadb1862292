"""Takes back leases whose holder is gone, and closes batches that have nothing left to do."""

import logging
import time

from rayjobs.account import closing
from rayjobs.batch import Verb, final_state
from rayjobs.errors import ConflictError, LeaseLostError, NotFoundError
from rayjobs.item import Fault
from rayjobs.lease import Lease, Tally
from rayjobs.ports import Registry
from rayjobs.record import Record

log = logging.getLogger(__name__)


def take_back(lease: Lease, registry: Registry, record: Record, *, split: bool) -> None:
    """Settle a lease that nobody works on any more.

    If its chunk was committed to the record before the holder was lost, that stands; else nothing that the
    holder may still write does, and the chunk waits again: in halves where its slot was lost (`split`), as
    it is where only the dispatcher was.
    """
    again = tuple(lease.range.halves()) if split else (lease.range,)
    tally = record.commit(lease, (), Tally(again=again))
    try:
        settled = registry.settle(lease, tally)
    except LeaseLostError:  # its holder was not gone after all, and was quicker
        return
    log.warning("lease taken back", extra={"batch": lease.batch_id, "first": lease.range.first})
    if settled.closable:
        close(lease.batch_id, registry, record)


def expire(batch_id: str, registry: Registry) -> None:
    """End a batch whose deadline is over; a repeat changes nothing."""
    try:
        deadline_s = registry.get(batch_id).document["deadline_s"]
        why = Fault(
            "deadline", f"not done within its deadline_s of {deadline_s:g}", retryable=False, limit=deadline_s
        )
        registry.steer(batch_id, Verb.EXPIRE, "dispatcher", "deadline", why)
    except (ConflictError, NotFoundError) as error:  # it ended, or was purged, in between
        log.info("not expired: %s", error, extra={"batch": batch_id})


def halt(batch_id: str, why: Fault, registry: Registry) -> None:
    """Pause a batch, before what it gives back can be claimed again; a repeat changes nothing."""
    try:
        registry.steer(batch_id, Verb.PAUSE, "dispatcher", why.code, why)
    except (ConflictError, NotFoundError) as error:  # it ends, or was purged
        log.info("not paused: %s", error, extra={"batch": batch_id})


def close(batch_id: str, registry: Registry, record: Record) -> None:
    """Write a batch's end into the record, then into the registry; a repeat changes nothing."""
    try:
        batch = registry.get(batch_id)
        state = final_state(batch.counts, batch.ending)
        finished_ms = time.time_ns() // 1_000_000
        record.close(batch_id, closing(batch, state, finished_ms))
        registry.close(batch_id, state, finished_ms)
        record.tidy(batch_id)
    except NotFoundError:  # purged in between
        log.info("batch was purged before its end", extra={"batch": batch_id})
