"""What the core needs from outside: a registry, a store and an executor.

Each port is small, named for the need and not for the tool, and has one contract
suite that runs over every adapter.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from rayjobs.batch import Batch, Move, State, Verb
from rayjobs.item import Fault
from rayjobs.lease import Lease, Pace, Tally
from rayjobs.ranges import Range
from rayjobs.worker import Worker


@dataclass(frozen=True)
class NewBatch:
    """What the registry is told of a batch when it is submitted."""

    id: str
    total: int
    """Sealed items so far; all of them where `exact`."""
    exact: bool
    priority: int
    document: dict[str, Any]
    """`deadline_s` and `max_failed_ratio` in it are the registry's to keep."""
    idempotency_key: str | None = None
    body_hash: str = ""
    actor: str = "anybody"
    """Who submits it, for the log."""


@dataclass(frozen=True)
class Submitted:
    """The batch that a submission made, or the one that its key had made before."""

    id: str
    created: bool


@dataclass(frozen=True)
class Event:
    """One line of a batch's history: `state`, `progress` or `end`."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Settled:
    """What a settled lease left behind."""

    state: State
    closable: bool
    """Nothing waits and nothing runs: the record can be closed."""


@dataclass(frozen=True)
class QueueStatus:
    """The queue at one moment."""

    run_id: str
    pending: int
    in_flight: int
    leases: int
    oldest_age_s: float
    """Age of the oldest batch of which items wait; 0 when none waits."""
    images_per_s: float
    eta_s: float | None
    batches_by_state: dict[str, int]
    stale_settlements: int
    """Chunks that came back under a lease that was no longer theirs, and were refused."""


@dataclass(frozen=True)
class Page:
    """A page of batches, newest first, and where the next one begins."""

    batches: list[Batch]
    next: str | None


@dataclass(frozen=True)
class Purged:
    """What a purge did to the registry."""

    run_id: str
    deleted_keys: int


@dataclass(frozen=True)
class Retry:
    """Items that did not succeed and go back into the queue."""

    ranges: list[Range]
    errors: dict[str, int] = field(default_factory=dict)
    """How many items of each code they were."""
    cancelled: int = 0
    """How many of them never ran, because the batch ended early."""


class Registry(Protocol):
    """Registry and queue; every method is atomic, a repeat of it does no harm.

    Each raises `RegistryUnavailableError` when the registry does not answer, and those
    that name a batch raise `NotFoundError` when the present run has none of that id.
    """

    def ping(self) -> None:
        """Return if the registry answers."""

    def submit(self, batch: NewBatch) -> Submitted:
        """Enter a batch and queue what it has.

        Raises:
            IdempotencyMismatchError: The key came before with another body.
            QueueFullError: As many batches as may wait are waiting.
        """

    def known(self, idempotency_key: str, body_hash: str) -> str | None:
        """Return the batch that this key has made; raises `IdempotencyMismatchError`."""

    def extend(self, batch_id: str, total: int) -> bool:
        """Queue the items up to `total`; False when the batch no longer takes any."""

    def seal(self, batch_id: str, error: dict[str, Any] | None = None) -> Settled:
        """End the listing; with `error`, the batch ends without its unlisted items."""

    def claim(self, leader: int, slots: int, pace: Pace, most: int) -> list[Lease]:
        """Take up to `most` chunks off the queue, each under a lease.

        Batches take turns by time used over weight (`2 ** priority`): stride scheduling.

        Raises:
            LeaseLostError: Another dispatcher leads.
        """

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Prolong the leases; return those that are no longer held."""

    def settle(self, lease: Lease, tally: Tally) -> Settled:
        """Give a lease back with what became of its items.

        Raises:
            LeaseLostError: The lease is no longer held, or belongs to a purged run.
        """

    def leases(self, *, expired: bool = False, batch_id: str | None = None) -> list[Lease]:
        """Return the leases held, or those that ran out without being settled."""

    def steer(
        self, batch_id: str, verb: Verb, actor: str, cause: str | None = None, error: Fault | None = None
    ) -> Batch:
        """Pause, resume or end a batch, as `batch.VERBS` says for its state; what runs may finish.

        Args:
            batch_id: Of which batch.
            verb: `PAUSE`, `RESUME`, or one of `batch.ENDINGS`.
            actor: Who asks, for the log.
            cause: Why, for the log; the verb by default.
            error: What the batch shows as its error, until it is resumed or retried.

        Raises:
            ConflictError: The batch's state does not allow it.
        """

    def retry(self, batch_id: str, retry: Retry, actor: str) -> Batch:
        """Put items of an ended batch back into the queue.

        Raises:
            ConflictError: The batch's state does not allow it.
        """

    def delete(self, batch_id: str) -> Batch:
        """Forget a batch that has ended; return what it was.

        Raises:
            ConflictError: The batch has not ended.
        """

    def moves(self, written: Sequence[Move] = (), *, batch_id: str | None = None) -> list[Move]:
        """Forget the moves that are `written`; return others, of all batches or of one, the oldest first."""

    def closable(self) -> list[str]:
        """Return the batches of which nothing waits or runs, but which are not closed."""

    def expanding(self) -> list[str]:
        """Return the batches whose sources are to be listed."""

    def overdue(self) -> list[str]:
        """Return the batches whose deadline is over and that nothing has ended so far."""

    def close(self, batch_id: str, state: State) -> Batch:
        """Give the batch its terminal state; a repeat changes nothing."""

    def get(self, batch_id: str) -> Batch:
        """Return the batch."""

    def page(
        self, *, limit: int, cursor: str | None, state: State | None, label: tuple[str, str] | None
    ) -> Page:
        """Return batches of the present run, newest first."""

    def events(self, batch_id: str, after: str | None) -> list[Event]:
        """Return the events behind the one with id `after`, oldest first."""

    def queue(self) -> QueueStatus:
        """Return the queue's figures."""

    def beat(self, worker: Worker, ttl_s: float) -> str:
        """Register a worker, or prolong it; return the present run's id."""

    def leave(self, worker_id: str) -> None:
        """Forget a worker that ends in good order."""

    def workers(self) -> list[Worker]:
        """Return the workers whose last heartbeat has not run out."""

    def run_id(self) -> str:
        """Return the present run's id."""

    def leader(self) -> str | None:
        """Return who leads, None if no dispatcher does."""

    def lead(self, holder: str, ttl_s: float) -> int | None:
        """Become the one active dispatcher, or stay it; return its fencing token."""

    def resign(self, holder: str) -> None:
        """Give up the lead, so that the next dispatcher need not wait."""

    def purge(self) -> Purged:
        """Begin a new run and delete every key of the old ones."""

    def wait(self, timeout_s: float) -> bool:
        """Block until something was queued, or the time is up; True in the first case."""


class Store(Protocol):
    """Blobs under names with `/`; every write is seen whole or not at all.

    Each method raises `StoreUnavailableError` when the store can't be reached.
    """

    def put(self, key: str, data: bytes) -> None:
        """Write a blob, or replace it, durably.

        Raises:
            OutputNoSpaceError: The store is full.
            OutputDeniedError: The store may not be written.
        """

    def put_stream(self, key: str, chunks: Iterable[bytes]) -> int:
        """Write a blob from pieces; return its bytes. Raises as `put`."""

    def get(self, key: str) -> bytes | None:
        """Return a blob, None if there is none."""

    def open(self, key: str) -> BinaryIO | None:
        """Return a blob to be read from its start, None if there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """Return the names directly under `prefix`, in no order."""

    def delete(self, prefix: str) -> None:
        """Remove a blob, or all that is under a prefix."""

    def uri(self, key: str) -> str:
        """Return where a blob stands, for people and other programs."""


class Executor(Protocol):
    """Runs chunks on slots somewhere."""

    def slots(self) -> int:
        """Return how many chunks run at once; raises `ExecutorLostError`."""

    def start(self, lease: Lease, done: "Callable[[Lease, Tally | Exception], None]") -> None:
        """Start a chunk; `done` is called once, from any thread.

        Its second argument is the chunk's tally, or `WorkerCrashedError` when the
        slot ended without a word, or whatever error kept the chunk from being run.
        """

    def cancel(self, lease: Lease) -> None:
        """Give up a chunk that was started, if that is still possible."""
