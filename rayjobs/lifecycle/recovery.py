"""Makes the registry follow the record: after a loss of Redis, after a purge, and where the two disagree.

The record is the truth and the registry its index. A run of the registry is *restored* once all that the
record tells was put into it by way of the server that answers now; a flush, a new server, an old snapshot
and a purge all begin with one that is not. What must not come back after a purge, the record says: the
purge writes what it is about to end before it does anything.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from rayjobs.errors import ConflictError, NotFoundError, RecordUnreadableError, RegistryUnavailableError
from rayjobs.lifecycle import pausing
from rayjobs.lifecycle.purge import carry_out
from rayjobs.model.batch import Batch, State, Verb
from rayjobs.model.lease import Lease
from rayjobs.ports import Registry, Replayed
from rayjobs.record import journal
from rayjobs.record.isolation import isolated
from rayjobs.record.layout import Record
from rayjobs.record.replay import replay

log = logging.getLogger(__name__)

_STEP = 1000
"""Batches that are listed by one call, so that no other client of Redis waits for long."""
_ABANDONED_S = 60.0
"""A purge or a closing of this age was not finished by whoever began it."""
_STILLBORN_S = 3600.0
"""A mark of this age without a batch is of a submission that died; one may be slow to write its pages."""


class Recovery:
    """Restores batches from the record; only the dispatcher that leads does so."""

    def __init__(self, registry: Registry, record: Record) -> None:
        self._registry = registry
        self._record = record

    def restore(self, in_flight: Sequence[Lease]) -> None:
        """Put all that the record tells into the registry.

        Args:
            in_flight: Chunks that run at this moment; they go on under their leases.
        """
        began = time.perf_counter()
        carry_out(self._registry, self._record)
        self._registry.sweep()
        marked = self._record.marked()
        for batch_id in marked:
            with isolated(batch_id):
                self._admit(batch_id, in_flight, add=False)
        listed = sorted(self._record.batches(), reverse=True)
        for start in range(0, max(len(listed), 1), _STEP):
            self._registry.enlist(listed[start : start + _STEP], last=start + _STEP >= len(listed))
        log.warning(
            "restored %s unfinished batches of %s from the record in %.2f s",
            len(marked),
            len(listed),
            time.perf_counter() - began,
        )

    def check(self, in_flight: Sequence[Lease]) -> None:
        """Compare which batches are open by the registry and by the record, and make them agree."""
        with isolated("purge"):
            purge = self._record.purge()
            if purge is not None and purge["at_ms"] < (time.time() - _ABANDONED_S) * 1000:
                carry_out(self._registry, self._record)
        known = set(self._registry.unfinished())
        marked = set(self._record.marked())  # after `known`: a batch is marked before it is entered
        for batch_id in sorted(marked - known):
            with isolated(batch_id):
                self._admit(batch_id, in_flight, add=True)
        for batch_id in sorted(known - marked):
            with isolated(batch_id):
                self._dismiss(batch_id)

    def _admit(self, batch_id: str, in_flight: Iterable[Lease], *, add: bool) -> None:
        """Restore a batch that the registry does not know as open; with `add`, unless it does by now."""
        try:
            standing = replay(self._record, batch_id, [one for one in in_flight if one.batch_id == batch_id])
        except NotFoundError:
            self._record.unmark(batch_id, older_than_s=_STILLBORN_S)
            return
        if standing.closed is not None:
            self._record.unmark(batch_id, older_than_s=_ABANDONED_S)
        elif self._restore(standing, add=add):
            log.warning("batch restored from the record", extra={"batch": batch_id})
            try:
                self._steer_as_before(batch_id)
            except RecordUnreadableError as error:  # it may have been paused, or cancelled
                pausing.pause_unreadable(batch_id, error, self._registry)

    def _steer_as_before(self, batch_id: str) -> None:
        """Pause or cancel a batch again; what else ends one, a deadline or its failures, comes by itself."""
        journal.write(self._registry, self._record, batch_id)  # what was asked at this very moment, too
        moves = [move for move in self._record.moves(batch_id) if move.cause != "restored"]
        last = max(moves, key=lambda move: move.order, default=None)
        with suppress(ConflictError):
            if last and last.state is State.PAUSED:
                self._registry.steer(batch_id, Verb.PAUSE, last.actor, last.cause)
            elif last and last.state is State.FINALIZING and last.cause == Verb.CANCEL:
                self._registry.steer(batch_id, Verb.CANCEL, last.actor)

    def _dismiss(self, batch_id: str) -> None:
        """Correct a batch that is open in the registry alone."""
        try:
            standing = replay(self._record, batch_id)
        except NotFoundError:
            self._registry.forget(batch_id)
            return
        if standing.closed is None:
            self._record.mark(batch_id)
        else:
            self._restore(standing)

    def _restore(self, standing: Replayed, *, add: bool = False) -> bool:
        """Restore a batch that may be deleted at this moment; return whether it stands as told."""
        try:
            return _put_back(standing, self._registry, self._record, add=add)
        except NotFoundError:
            return False


def readmit(batch_id: str, registry: Registry, record: Record) -> Batch:
    """Return a batch, put back into the registry if that has forgotten it since it ended.

    Raises:
        NotFoundError: There is no such batch.
        RegistryUnavailableError: It has not ended and will be restored at any moment, or the whole run will.
    """
    try:
        return registry.get(batch_id, whole=True)
    except NotFoundError:
        _put_back(ended(batch_id, record), registry, record, add=True)
        return registry.get(batch_id)


def ended(batch_id: str, record: Record) -> Replayed:
    """Return how a batch ended that the registry does not know; raises as `readmit`."""
    standing = replay(record, batch_id)
    if standing.closed is None:
        raise RegistryUnavailableError(f"{batch_id} is being restored from the record")
    # A retry's token must be above those of the commits that it takes back.
    fence = max((entry.token for entry in record.entries(batch_id)), default=0)
    return replace(standing, fence=max(standing.fence, fence))


def _put_back(standing: Replayed, registry: Registry, record: Record, *, add: bool) -> bool:
    """Restore a batch, unless it was deleted since its record was read; return whether it stands as told.

    Who deletes takes it from the registry, then from the record, then from the registry again: so either its
    last step comes behind this, or the spec is gone by now.
    """
    batch_id = standing.batch.id
    stands = registry.restore(standing, add=add)
    if not record.is_batch(batch_id):
        registry.forget(batch_id)
        raise NotFoundError(f"there is no batch {batch_id!r}")
    return stands
