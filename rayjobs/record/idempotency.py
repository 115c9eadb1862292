"""Which batch an Idempotency-Key has made: said by the store, so that a lost Redis makes no second one.

Whoever creates the key's file first makes the batch. A submission that is slow is given up for another one
by a file where its spec would stand, so it can't become a batch behind it. The registry knows the keys too;
it is quicker, and has the word where it knows a batch of the key.
"""

import time

from rayjobs.errors import IdempotencyMismatchError, NotFoundError, RegistryUnavailableError
from rayjobs.record.layout import Record

LIFE_S = 24 * 3600
"""Life of a key. Source: draft-ietf-httpapi-idempotency-key-header asks for it to be said."""
_GRACE_S = 5.0
"""A key of this age without a batch is of a submission that died: its spec follows it within milliseconds."""
_WAIT_S = 2.0
_POLL_S = 0.02


def holder(record: Record, key: str, body_hash: str) -> str | None:
    """Return the batch that the key has made; None where there is none, or none any more.

    Raises:
        IdempotencyMismatchError: It was made from another body.
    """
    held = record.key(key)
    if held is None:
        return None
    batch_id = str(held["id"])
    try:
        spec = record.spec(batch_id)
    except NotFoundError:
        return None
    closed = record.closed(batch_id)
    if _age_s(spec["created_ms"]) > LIFE_S or (closed and closed["cause"] == "purge"):
        return None
    if spec["body_hash"] != body_hash:
        raise IdempotencyMismatchError(f"this Idempotency-Key made {batch_id} from another body")
    return batch_id


def claim(record: Record, key: str, body_hash: str, batch_id: str) -> str:
    """Take the key for a batch whose spec is about to be written; return the batch that has it.

    Raises:
        IdempotencyMismatchError: It has made a batch from another body.
        RegistryUnavailableError: Another request holds it, and its batch is not there yet.
    """
    deadline = time.monotonic() + _WAIT_S
    while not record.take_key(key, batch_id):
        held = record.key(key)
        over = held is not None and record.is_batch(held["id"])  # before it is asked whether it lives
        found = holder(record, key, body_hash)
        if found is not None:
            return found
        if held is not None and (over or _age_s(held["at_ms"]) > _GRACE_S):
            if record.inherit(key, str(held["id"]), batch_id, over=over) == batch_id:
                return batch_id
        elif time.monotonic() > deadline:
            raise RegistryUnavailableError("another request with this Idempotency-Key is being taken")
        time.sleep(_POLL_S)
    return batch_id


def awaited(record: Record, batch_id: str) -> str:
    """Return the batch once it stands in the record, as it does within milliseconds of having its key.

    Raises:
        RegistryUnavailableError: It does not.
    """
    deadline = time.monotonic() + _WAIT_S
    while not record.is_batch(batch_id):
        if time.monotonic() > deadline:
            raise RegistryUnavailableError("another request with this Idempotency-Key is being taken")
        time.sleep(_POLL_S)
    return batch_id


def _age_s(at_ms: int) -> float:
    return time.time() - at_ms / 1000
