"""The ports to the registry: one for each need, and all of them together."""

from collections.abc import Sequence
from typing import Any, Protocol

from rayjobs.model.batch import Batch, Move, State, Verb
from rayjobs.model.item import Fault
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.worker import Worker
from rayjobs.ports.messages import (
    MemoryUse,
    NewBatch,
    Page,
    Purged,
    QueueStatus,
    Replayed,
    Retry,
    Settled,
    Submitted,
    Told,
)


class Batches(Protocol):
    """The batches: how they come, change, end and are read; those that name one raise `NotFoundError`."""

    def submit(self, batch: NewBatch) -> Submitted:
        """Add a batch and queue its sealed items.

        Raises:
            IdempotencyMismatchError: The key was used before with another body.
            QueueFullError: The highest number of batches waits already.
        """

    def known(self, idempotency_key: str, body_hash: str) -> str | None:
        """Return the batch that this key has made, None if it has made none.

        Raises:
            IdempotencyMismatchError: The key was used before with another body.
        """

    def extend(self, batch_id: str, total: int) -> bool:
        """Queue the items up to `total`; return False if the batch takes no more items."""

    def seal(
        self, batch_id: str, error: dict[str, Any] | None = None, remarks: dict[str, Any] | None = None
    ) -> Settled:
        """End the listing; with `error`, the batch ends without its unlisted items.

        The batch shows `remarks` from here on: what the listing tells beside the items.
        """

    def steer(
        self,
        batch_id: str,
        verb: Verb,
        actor: str,
        cause: str | None = None,
        error: Fault | None = None,
        *,
        whole: bool = False,
    ) -> Batch:
        """Pause, resume or end a batch, as `batch.VERBS` says for its state; items that run may finish.

        Args:
            batch_id: The batch.
            verb: `PAUSE`, `RESUME`, or one of `batch.ENDINGS`.
            actor: Who asks; the log shows it.
            cause: Why; the log shows it. The verb by default.
            error: The batch shows it as its error, until it is resumed or retried.
            whole: Refuse it while the run is not restored, and its states may be old.

        Raises:
            ConflictError: The batch's state does not allow it.
            RegistryBehindError: It is asked of a `whole` run, and the present one is not restored.
        """

    def reserve(self, batch_id: str) -> int:
        """Decide that an ended batch is retried; return the token under which the record is to say so.

        For `batch.RESERVED_S` nobody else retries or deletes it.

        Raises:
            ConflictError: Its state does not allow it, its deadline is over, or somebody has reserved it.
            RegistryBehindError: The run is not restored, so its state may be old.
        """

    def retry(self, batch_id: str, retry: Retry, actor: str) -> Batch:
        """Return items of an ended batch to the queue.

        Raises:
            ConflictError: The batch's state does not allow it, or it is reserved under another token.
            RegistryBehindError: The run is not restored, so its state may be old.
        """

    def delete(self, batch_id: str) -> Batch:
        """Forget a batch that has ended; return the batch as it was. For a minute nothing restores it.

        Raises:
            ConflictError: The batch has not ended, or is being retried.
            RegistryBehindError: The run is not restored, so its state may be old.
        """

    def close(self, batch_id: str, state: State, finished_ms: int | None = None) -> Batch:
        """Give the batch its terminal state; a repeat changes nothing."""

    def closable(self) -> list[str]:
        """Return the batches that are not closed and in which no item waits or runs."""

    def expanding(self) -> list[str]:
        """Return the batches whose sources are to be listed."""

    def overdue(self) -> list[str]:
        """Return the batches whose deadline has passed and that have not got an end so far."""

    def moves(self, written: Sequence[Move] = (), *, batch_id: str | None = None) -> list[Move]:
        """Forget the moves that are `written`; return others, of all batches or of one, the oldest first."""

    def moved(self, timeout_s: float) -> str | None:
        """Wait until a batch changes its state, and return its id; None if the time is up.

        Changes before the first call are not reported. One thread at a time may call it.
        """

    def get(self, batch_id: str, *, whole: bool = False) -> Batch:
        """Return the batch.

        Raises:
            RegistryBehindError: It is asked of a `whole` run, and the present one is not restored.
        """

    def page(
        self, *, limit: int, cursor: str | None, state: State | None, label: tuple[str, str] | None
    ) -> Page:
        """Return batches of the present run, newest first.

        Raises:
            RegistryBehindError: The run is not restored, so some may be missing.
        """

    def events(self, batch_id: str, after: str | None) -> Told:
        """Return the events behind the one with id `after`, and whether the batch has ended.

        Raises:
            RegistryBehindError: The run is not restored, so the batch may have ended long ago.
        """


class Queue(Protocol):
    """The chunks that wait or are leased, and whether there is room for more."""

    def ping(self) -> None:
        """Return if the registry answers and is not full, so that it takes new batches; else raise."""

    def memory(self) -> MemoryUse:
        """Return the memory that the registry uses, and its limit."""

    def queue(self) -> QueueStatus:
        """Return the figures of the queue, marked while the run is not restored."""

    def claim(self, leader: int, slots: int, pace: Pace, most: int) -> list[Lease]:
        """Take up to `most` chunks off the queue, each under a lease.

        Batches take turns by time used over weight (`2 ** priority`): stride scheduling.

        Raises:
            LeaseLostError: Another dispatcher leads.
        """

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Prolong the leases; return those that are no longer held, or none while the run is not restored."""

    def settle(self, lease: Lease, tally: Tally) -> Settled:
        """Return a lease with the tally of its items.

        Raises:
            LeaseLostError: The lease is no longer held, or belongs to a purged run.
        """

    def leases(self, *, expired: bool = False, batch_id: str | None = None) -> list[Lease]:
        """Return the leases that are held, or those that expired and were not settled."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until an item is queued, and return True; return False if the time is up."""


class Workers(Protocol):
    """The worker processes that are registered, and those that were asked to drain."""

    def beat(self, worker: Worker, ttl_s: float) -> str:
        """Register a worker, or prolong it; return the present run's id."""

    def leave(self, worker_id: str) -> None:
        """Forget a worker that ends by itself."""

    def drain(self, worker_id: str) -> None:
        """Ask a worker to begin no more chunks; raises `NotFoundError` if no worker has this id."""

    def drains(self, worker_id: str) -> bool:
        """Return whether a worker was asked to drain within the last minute."""

    def workers(self) -> list[Worker]:
        """Return the workers whose last heartbeat has not expired."""


class Leadership(Protocol):
    """The present run, and the one dispatcher that leads it."""

    def run_id(self) -> str:
        """Return the present run's id."""

    def leader(self) -> str | None:
        """Return the dispatcher that leads, None if none does."""

    def lead(self, holder: str, ttl_s: float) -> int | None:
        """Become or remain the one active dispatcher; return its fencing token, None if another leads."""

    def resign(self, holder: str) -> None:
        """Give up the lead, so that the next dispatcher does not wait for its end."""


class Restoration(Protocol):
    """What makes the registry follow the record after a loss or a purge."""

    def restored(self) -> bool:
        """Return whether all batches of the record are in the present run, on the present server."""

    def restore(self, standing: Replayed, *, add: bool = False) -> bool:
        """Set a batch to the state of its record; return False where a later retry keeps its own.

        Args:
            standing: The state of the batch by its record.
            add: Keep a batch that the registry knows, unless it has ended here and not in the record.

        Raises:
            NotFoundError: It was just deleted.
        """

    def enlist(self, batch_ids: Sequence[str], *, last: bool) -> None:
        """Add batches to the listing; with the `last` of them, the present run is restored."""

    def unfinished(self) -> list[str]:
        """Return the batches that are not closed."""

    def forget(self, batch_id: str) -> None:
        """Remove a batch that the record has closed, or never had."""

    def sweep(self) -> int:
        """Delete keys that earlier runs have left, in bounded steps; return how many."""

    def purge(self) -> Purged:
        """Begin a new run and delete every key of the old ones."""


class Registry(Batches, Queue, Workers, Leadership, Restoration, Protocol):
    """Holds batches, queue, leases and workers; every method is atomic, and a repeat does no harm.

    Each raises `RegistryUnavailableError` when the registry does not answer, and those
    that name a batch raise `NotFoundError` when the present run has none of that id.
    """
