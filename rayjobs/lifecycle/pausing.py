"""Pauses a batch that can't go on by itself, or ends it, with the reason for all to see."""

import logging

from rayjobs.errors import ConflictError, NotFoundError, RecordUnreadableError
from rayjobs.model.batch import Verb
from rayjobs.model.item import Fault
from rayjobs.ports import Batches

log = logging.getLogger(__name__)


def pause(batch_id: str, why: Fault, registry: Batches) -> None:
    """Pause a batch, before what it gives back can be claimed again; a repeat changes nothing."""
    try:
        registry.steer(batch_id, Verb.PAUSE, "dispatcher", why.code, why)
    except (ConflictError, NotFoundError) as error:  # it ends, or was purged
        log.info("not paused: %s", error, extra={"batch": batch_id})


def pause_unreadable(batch_id: str, error: RecordUnreadableError, registry: Batches) -> None:
    """Pause a batch whose record can't be read, until that was mended and somebody resumes it."""
    pause(batch_id, Fault(error.code, error.detail, retryable=False), registry)


def abort(batch_id: str, why: Fault, registry: Batches) -> None:
    """End a batch as failed; what runs of it may finish, and a repeat changes nothing."""
    try:
        registry.steer(batch_id, Verb.ABORT, "dispatcher", why.code, why)
    except (ConflictError, NotFoundError) as error:  # it ends already, or was purged
        log.info("not ended: %s", error, extra={"batch": batch_id})
