"""The log of each batch: every change of its state, with time, cause and actor, kept in the record.

The registry notes a change in the same step that makes it, and tells it to whoever has asked for it: an API
writes it into the record before it answers a verb, so a verb that was answered survives the loss of Redis.
The dispatcher brings all notes to the record at each of its ticks; one that is written twice is read once.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from rayjobs.errors import BatchDeadlineError, TooManyFailedError
from rayjobs.model.batch import ENDINGS, TERMINAL, Batch, Move, State, Verb
from rayjobs.ports import Batches
from rayjobs.record.layout import Record

_batch_of = attrgetter("batch_id")
_ENDINGS = {
    Verb.CANCEL.value: ENDINGS[Verb.CANCEL],
    BatchDeadlineError.code: ENDINGS[Verb.EXPIRE],
    TooManyFailedError.code: ENDINGS[Verb.ABORT],
}
"""The cause of a batch's early end, and that end."""


def write(registry: Batches, record: Record, batch_id: str | None = None) -> None:
    """Bring the notes of all batches, or of one, to the record; a repeat does no harm."""
    moves = registry.moves(batch_id=batch_id)
    while moves:
        for batch, its_own in groupby(sorted(moves, key=_batch_of), _batch_of):
            record.note(batch, list(its_own))
        moves = registry.moves(moves, batch_id=batch_id)


def attest(batch: Batch, registry: Batches, record: Record) -> None:
    """Write the last change of a batch's state, as the registry told it; a repeat does no harm."""
    if batch.move is None:  # the registry was filled by an older version
        write(registry, record, batch.id)
    else:
        record.note(batch.id, [batch.move])


def read(batch_id: str, registry: Batches, record: Record) -> list[Move]:
    """Return the changes of a batch's state, the oldest first; raises `NotFoundError`."""
    record.spec(batch_id)
    known = {move.id: move for move in [*record.moves(batch_id), *registry.moves(batch_id=batch_id)]}
    return sorted(known.values(), key=lambda move: move.order)


def as_logged(batch: Batch, moves: Sequence[Move]) -> Batch:
    """Return an open batch as its log tells it: that it has begun, is paused or near its end.

    Args:
        batch: As its pages and commit files tell it, which know nothing of that.
        moves: What the log has, in no order.
    """
    own = sorted((move for move in moves if move.cause != "restored"), key=lambda move: move.order)
    last = own[-1] if own else None
    through = batch.exact and not batch.counts.pending + batch.counts.running
    if last is None or last.state in TERMINAL:  # a retry that is not written so far
        return batch
    if last.state is State.FINALIZING and last.cause in _ENDINGS:
        cancelled = batch.counts.cancelled + batch.counts.pending
        counts = replace(batch.counts, cancelled=cancelled, pending=0)
        return replace(batch, state=State.FINALIZING, ending=_ENDINGS[last.cause], counts=counts, exact=True)
    if through:
        return replace(batch, state=State.FINALIZING)
    has_begun = batch.state is State.QUEUED and last.state is State.RUNNING
    return replace(batch, state=last.state) if has_begun or last.state is State.PAUSED else batch
