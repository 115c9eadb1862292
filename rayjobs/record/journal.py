"""The log of each batch: every change of its state, with time, cause and actor, kept in the record.

The registry notes a change in the same step that makes it, and tells it to whoever has asked for it: an API
writes it into the record before it answers a verb, so a verb that was answered survives the loss of Redis.
The dispatcher brings all notes to the record at each of its ticks; one that is written twice is read once.
"""

from itertools import groupby
from operator import attrgetter

from rayjobs.model.batch import Batch, Move
from rayjobs.ports import Registry
from rayjobs.record.layout import Record

_batch_of = attrgetter("batch_id")


def write(registry: Registry, record: Record, batch_id: str | None = None) -> None:
    """Bring the notes of all batches, or of one, to the record; a repeat does no harm."""
    moves = registry.moves(batch_id=batch_id)
    while moves:
        for batch, its_own in groupby(sorted(moves, key=_batch_of), _batch_of):
            record.note(batch, list(its_own))
        moves = registry.moves(moves, batch_id=batch_id)


def attest(batch: Batch, registry: Registry, record: Record) -> None:
    """Write the last change of a batch's state, as the registry told it; a repeat does no harm."""
    if batch.move is None:  # the registry was filled by an older version
        write(registry, record, batch.id)
    else:
        record.note(batch.id, [batch.move])


def read(batch_id: str, registry: Registry, record: Record) -> list[Move]:
    """Return the changes of a batch's state, the oldest first; raises `NotFoundError`."""
    record.spec(batch_id)
    known = {move.id: move for move in [*record.moves(batch_id), *registry.moves(batch_id=batch_id)]}
    return sorted(known.values(), key=lambda move: move.order)
