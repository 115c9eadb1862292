"""The values that the ports take and return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rayjobs.model.batch import Batch, State, open_state
from rayjobs.model.lease import Lease
from rayjobs.model.ranges import Range
from rayjobs.model.terms import BatchTerms


@dataclass(frozen=True)
class NewBatch:
    """A batch as it is submitted to the registry."""

    id: str
    total: int
    """Number of sealed items so far; of all items if `exact`."""
    exact: bool
    priority: int
    document: dict[str, Any]
    """The batch's document; the registry enforces its `deadline_s` and `max_failed_ratio`."""
    idempotency_key: str | None = None
    body_hash: str = ""
    actor: str = "anybody"
    """Who submits it, for the log."""
    created_ms: int | None = None
    """None: the registry's clock sets it."""

    @cached_property
    def terms(self) -> BatchTerms:
        """The terms of the document."""
        return BatchTerms.of(self.document)

    @property
    def spec(self) -> dict[str, Any]:
        """The part of this that the record keeps."""
        kept = {"key": self.idempotency_key, "body_hash": self.body_hash, "created_ms": self.created_ms}
        return {"document": self.document, **kept}


@dataclass(frozen=True)
class Replayed:
    """A batch as its record describes it, for a registry that has lost the batch.

    Invariant: the items of `ends`, `waiting` and `running` together are the batch's total.
    """

    batch: NewBatch
    ends: Mapping[str, int]
    """Numbers of items that have ended, by their name in `Counts`."""
    errors: Mapping[str, int]
    """Numbers of failed items by their error code."""
    waiting: tuple[Range, ...] = ()
    running: tuple[Lease, ...] = ()
    """Leases whose chunks are known to run: they remain valid."""
    started_ms: int | None = None
    ran_ms: int = 0
    error: dict[str, Any] | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)
    """What its listing tells beside the items."""
    cut: bool = False
    """Whether the batch ended before its source was listed to the end."""
    fence: int = 0
    """The highest token that was written: the next one is higher."""
    reopened: int = 0
    """The token of the last retry, 0 if there was none: a registry that took a later one knows better."""
    closed: State | None = None
    """Its terminal state, if it has ended."""
    finished_ms: int | None = None

    @property
    def state(self) -> State:
        """The state that follows from the other fields, before any verb pauses or ends the batch."""
        return self.closed or open_state(exact=self.batch.exact, started=self.started_ms is not None)


@dataclass(frozen=True)
class Submitted:
    """The batch that a submission made, or the batch that its key had made before."""

    id: str
    created: bool


@dataclass(frozen=True)
class Event:
    """One line of a batch's history: `state`, `progress` or `end`."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What was said of a batch since an event, and whether anything more can come."""

    events: list[Event]
    """The oldest first."""
    ended: dict[str, Any] | None = None
    """The data of an `end` event, by the batch's state: None while it has not ended."""


@dataclass(frozen=True)
class Settled:
    """The state of a batch after a lease was settled."""

    state: State
    closable: bool
    """No item waits and no item runs: the record can be closed."""


@dataclass(frozen=True)
class QueueStatus:
    """The queue at one moment."""

    run_id: str
    pending: int
    in_flight: int
    leases: int
    oldest_age_s: float
    """Age of the oldest batch in which items wait; 0 if none waits."""
    images_per_s: float
    eta_s: float | None
    batches_by_state: dict[str, int]
    stale_settlements: int
    """Number of chunks that were refused because their lease was no longer held."""
    complete: bool = True
    """Whether these are all batches; else the run is being restored from the record."""


@dataclass(frozen=True)
class MemoryUse:
    """Memory of the registry, in bytes."""

    used: int
    limit: int
    """0 if there is no limit."""

    @property
    def full(self) -> bool:
        """Whether new batches are refused until older ones free memory."""
        return 0 < self.limit <= self.used


@dataclass(frozen=True)
class Page:
    """A page of batches, newest first, and where the next one begins."""

    batches: list[Batch]
    next: str | None
    forgotten: tuple[str, ...] = ()
    """Batches of this page of which only the record is left; the record decides whether they match."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Batches of this page whose record can't be read, and why."""


@dataclass(frozen=True)
class Purged:
    """The result of a purge in the registry."""

    run_id: str
    deleted_keys: int


@dataclass(frozen=True)
class Retry:
    """Items that did not succeed and return to the queue."""

    ranges: list[Range]
    errors: dict[str, int] = field(default_factory=dict)
    """Numbers of these items by their error code."""
    cancelled: int = 0
    """How many of them never ran, because the batch ended early."""
    token: int | None = None
    """Under which `Registry.reserve` decided it; None where it is decided now."""
