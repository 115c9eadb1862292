"""The batch: its states, its counts, and what a client sees of it."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rayjobs.errors import IllegalTransitionError


class State(StrEnum):
    """Where a batch stands."""

    EXPANDING = "expanding"
    """Its source is being listed; what is listed already runs."""
    QUEUED = "queued"
    """Its list is sealed and nothing was claimed so far."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing of it is claimed until it is resumed."""
    FINALIZING = "finalizing"
    """No item waits; what still runs ends, then the record is closed."""
    SUCCEEDED = "succeeded"
    """Every item succeeded."""
    PARTIAL = "partial"
    """Some items succeeded, some did not."""
    FAILED = "failed"
    """No item succeeded."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its deadline passed first."""


TRANSITIONS: dict[State, frozenset[State]] = {
    # A failed listing has nothing to run, so it goes straight to its end.
    State.EXPANDING: frozenset({State.QUEUED, State.RUNNING, State.PAUSED, State.FINALIZING}),
    State.QUEUED: frozenset({State.RUNNING, State.PAUSED, State.FINALIZING}),
    State.RUNNING: frozenset({State.PAUSED, State.FINALIZING}),
    State.PAUSED: frozenset({State.QUEUED, State.RUNNING, State.FINALIZING}),
    State.FINALIZING: frozenset(
        {State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED, State.EXPIRED}
    ),
    State.SUCCEEDED: frozenset(),
    # `retry` puts failed items back into the queue.
    State.PARTIAL: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""Each state and the states that may follow it; the registries on Redis and in memory both read this."""

TERMINAL = frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED, State.EXPIRED})
"""The states in which nothing waits, nothing runs and the record is closed."""

CLAIMABLE = frozenset({State.EXPANDING, State.QUEUED, State.RUNNING})
"""The states in which items of a batch may be claimed."""


def check_transition(here: State, there: State) -> None:
    """Raise `IllegalTransitionError` if `there` may not follow `here`."""
    if there not in TRANSITIONS[here]:
        raise IllegalTransitionError(f"a batch can't go from {here} to {there}")


@dataclass(frozen=True)
class Counts:
    """How many items are where; the parts always sum to `total`."""

    total: int = 0
    pending: int = 0
    running: int = 0
    succeeded: int = 0
    cached: int = 0
    skipped: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def done(self) -> int:
        """Items that will not run again by themselves."""
        return self.total - self.pending - self.running


ENDED = ("succeeded", "cached", "skipped", "failed", "cancelled")
"""The counts of items that have ended, each under its name in `Counts`."""


def final_state(counts: Counts, *, cancelled: bool) -> State:
    """Return the terminal state of a batch of which no item waits or runs."""
    good = counts.succeeded + counts.cached + counts.skipped
    if cancelled:
        return State.CANCELLED
    if good == counts.total > 0:
        return State.SUCCEEDED
    return State.PARTIAL if good else State.FAILED


@dataclass(frozen=True)
class Batch:
    """A batch as the registry knows it at one moment."""

    id: str
    state: State
    run_id: str
    counts: Counts
    errors_by_code: dict[str, int]
    exact: bool
    """False while the source is still being listed, so that `total` grows."""
    priority: int
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    throughput_per_s: float
    """Items ended a second, weighted towards the last ten seconds."""
    document: dict[str, Any]
    """The parts that never change: pipeline, output, labels, max_attempts."""
    error: dict[str, Any] | None = None
    """Why a batch as a whole failed, for instance a folder that could not be listed."""
    cancelled: bool = False
    """Whether somebody asked for its end."""

    @property
    def eta_s(self) -> float | None:
        """Seconds until the last item, at the present speed; None while that is unknown."""
        left = self.counts.pending + self.counts.running
        if self.state in TERMINAL or (self.exact and not left):
            return 0.0
        return round(left / self.throughput_per_s, 1) if self.throughput_per_s > 0 else None

    def as_json(self) -> dict[str, Any]:
        """Return the body that every route answers for a batch."""
        here = f"/batches/{self.id}"
        return {
            "id": self.id,
            "state": self.state.value,
            "run_id": self.run_id,
            "priority": self.priority,
            **self.document,
            "counts": asdict(self.counts),
            "errors_by_code": self.errors_by_code,
            "exact": self.exact,
            "error": self.error,
            "created_at": moment(self.created_ms),
            "started_at": moment(self.started_ms),
            "finished_at": moment(self.finished_ms),
            "throughput_per_s": round(self.throughput_per_s, 2),
            "eta_s": self.eta_s,
            "links": {name: f"{here}/{name}" for name in ("items", "results", "events")},
        }


def moment(at_ms: int | None) -> str | None:
    """Return milliseconds since the epoch as RFC 3339 in UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
