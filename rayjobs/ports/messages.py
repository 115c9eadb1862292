"""What the core and the registry tell each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rayjobs.model.batch import Batch, State, open_state
from rayjobs.model.lease import Lease
from rayjobs.model.ranges import Range


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
    created_ms: int | None = None
    """None where the registry's clock is to say it."""

    @property
    def spec(self) -> dict[str, Any]:
        """What the record keeps of it."""
        kept = {"key": self.idempotency_key, "body_hash": self.body_hash, "created_ms": self.created_ms}
        return {"document": self.document, **kept}


@dataclass(frozen=True)
class Replayed:
    """How a batch stands by its record alone: what the registry is told when it has lost it.

    Invariant: the items of `ends`, `waiting` and `running` together are the batch's total.
    """

    batch: NewBatch
    ends: Mapping[str, int]
    """Items that have ended, by the name that they have in `Counts`."""
    errors: Mapping[str, int]
    """Failed items by their code."""
    waiting: tuple[Range, ...] = ()
    running: tuple[Lease, ...] = ()
    """Leases whose chunks are known to run: they go on."""
    started_ms: int | None = None
    ran_ms: int = 0
    error: dict[str, Any] | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)
    """What its listing tells beside the items."""
    cut: bool = False
    """Whether it ended before its source was listed to the end."""
    fence: int = 0
    """The highest token that was written: the next one is higher."""
    reopened: int = 0
    """The token of the last retry, 0 if there was none: a registry that took a later one knows better."""
    closed: State | None = None
    """Its terminal state, if it has ended."""
    finished_ms: int | None = None

    @property
    def state(self) -> State:
        """The state that follows from the rest, before anybody pauses or ends the batch."""
        return self.closed or open_state(exact=self.batch.exact, started=self.started_ms is not None)


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
class Told:
    """What was said of a batch since an event, and whether anything more can come."""

    events: list[Event]
    """The oldest first."""
    ended: dict[str, Any] | None = None
    """The data of an `end` event, by the batch's state: None while it has not ended."""


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
class MemoryUse:
    """What the registry takes, in bytes."""

    used: int
    limit: int
    """0 where there is none."""

    @property
    def full(self) -> bool:
        """Whether new work is refused until some of the old has ended."""
        return 0 < self.limit <= self.used


@dataclass(frozen=True)
class Page:
    """A page of batches, newest first, and where the next one begins."""

    batches: list[Batch]
    next: str | None
    forgotten: tuple[str, ...] = ()
    """Batches of this page whose record alone is left: whether they match, it tells."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Batches of this page whose record can't be read, and why."""


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
    token: int | None = None
    """Under which `Registry.reserve` decided it; None where it is decided now."""
