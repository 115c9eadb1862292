"""The batch: its states, the verbs that each state allows, its counts, and its JSON for clients."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from rayjobs.errors import IllegalTransitionError
from rayjobs.model.terms import BatchTerms


class State(StrEnum):
    """The state of a batch."""

    EXPANDING = "expanding"
    """Its source is being listed; items that are listed already run."""
    QUEUED = "queued"
    """Its list is sealed, and no item was claimed so far."""
    RUNNING = "running"
    PAUSED = "paused"
    """No item is claimed until the batch is resumed."""
    FINALIZING = "finalizing"
    """No item waits; the items that run end, then the record is closed."""
    SUCCEEDED = "succeeded"
    """Every item succeeded."""
    PARTIAL = "partial"
    """Some items succeeded, some did not."""
    FAILED = "failed"
    """No item succeeded."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its deadline passed first."""


class Verb(StrEnum):
    """What a client, or rayjobs itself, may ask of a batch."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    EXPIRE = "expire"
    """Its `deadline_s` is over."""
    ABORT = "abort"
    """More of its items fail than its `max_failed_ratio` allows."""
    RETRY = "retry"
    DELETE = "delete"


TRANSITIONS: dict[State, frozenset[State]] = {
    # A listing that failed has nothing to run, so its batch goes straight to the end.
    State.EXPANDING: frozenset({State.QUEUED, State.RUNNING, State.PAUSED, State.FINALIZING}),
    State.QUEUED: frozenset({State.RUNNING, State.PAUSED, State.FINALIZING}),
    State.RUNNING: frozenset({State.PAUSED, State.FINALIZING}),
    # A paused batch ends without a resume if no item waits when its chunks in flight have ended.
    State.PAUSED: frozenset({State.EXPANDING, State.QUEUED, State.RUNNING, State.FINALIZING}),
    State.FINALIZING: frozenset(
        {State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED, State.EXPIRED}
    ),
    State.SUCCEEDED: frozenset(),
    # `retry` puts failed items back into the queue.
    State.PARTIAL: frozenset({State.QUEUED}),
    # EXPANDING if an early end had interrupted the listing.
    State.FAILED: frozenset({State.EXPANDING, State.QUEUED}),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""Each state and the states that may follow it; the registries on Redis and in memory both read this."""

TERMINAL = frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED, State.EXPIRED})
"""The states in which nothing waits, nothing runs and the record is closed."""

CLAIMABLE = frozenset({State.EXPANDING, State.QUEUED, State.RUNNING})
"""The states in which items of a batch may be claimed."""

_TO_THE_END = dict.fromkeys(CLAIMABLE | {State.PAUSED}, State.FINALIZING)

VERBS: Mapping[Verb, Mapping[State, State]] = {
    Verb.PAUSE: dict.fromkeys(CLAIMABLE | {State.PAUSED}, State.PAUSED),
    # RUNNING and QUEUED are placeholders: the registry puts `open_state` of the batch in their place.
    Verb.RESUME: {state: state for state in CLAIMABLE} | {State.PAUSED: State.RUNNING},
    Verb.CANCEL: _TO_THE_END | {State.CANCELLED: State.CANCELLED},
    Verb.EXPIRE: _TO_THE_END | {State.EXPIRED: State.EXPIRED},
    Verb.ABORT: _TO_THE_END | {State.FAILED: State.FAILED},
    Verb.RETRY: {State.PARTIAL: State.QUEUED, State.FAILED: State.QUEUED},
    Verb.DELETE: {state: state for state in TERMINAL},
}
"""For each verb, the states that allow it and the state it leads to; the same state means a repeat.

Every other state refuses the verb. So two verbs at the same time have a defined result: the registry takes
one after the other, and the second finds the state that the first has left. For the verbs that steer, a batch
that is `finalizing` because of a verb of `ENDINGS` counts as if it had reached that end.
"""

ENDINGS: Mapping[Verb, State] = {
    Verb.CANCEL: State.CANCELLED,
    Verb.EXPIRE: State.EXPIRED,
    Verb.ABORT: State.FAILED,
}
"""The early end that a verb gives a batch: items that wait are cancelled, items that run may finish."""

RESERVED_S = 10.0
"""How long a retry that was decided may take to reach the record, before another one may be decided."""

OVERDUE = "the deadline_s of {0} is over: its items would be cancelled at once; submit them as another batch"
"""Why a batch is not retried."""

ENOUGH = 20
"""Number of items that must be tried before the share of failed items is judged."""


def check_transition(here: State, there: State) -> None:
    """Raise `IllegalTransitionError` if `there` may not follow `here`."""
    if there not in TRANSITIONS[here]:
        raise IllegalTransitionError(f"a batch can't go from {here} to {there}")


def open_state(*, exact: bool, started: bool) -> State:
    """Return the state of a batch that is neither paused nor ending."""
    if not exact:
        return State.EXPANDING
    return State.RUNNING if started else State.QUEUED


@dataclass(frozen=True)
class Counts:
    """Numbers of items in each state; the parts always sum to `total`."""

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
        """Number of items that have ended; only a retry runs them again."""
        return self.total - self.pending - self.running

    def too_many_failed(self, ratio: float, *, exact: bool) -> bool:
        """Return whether more than this share of the items has failed.

        Below `ENOUGH` tried items, the items up to `ENOUGH` that were not tried count as succeeded. So a few
        early faults end a batch only if they exceed the share in any case.
        """
        tried = self.done - self.cancelled
        return self.failed > ratio * max(tried, min(ENOUGH, self.total) if exact else ENOUGH)


ENDED = ("succeeded", "cached", "skipped", "failed", "cancelled")
"""Names, in `Counts`, of the numbers of items that have ended."""


def final_state(counts: Counts, ending: State | None) -> State:
    """Return the terminal state of a batch in which no item waits or runs.

    Args:
        counts: The counts of its items.
        ending: The early end that a verb has given the batch, if any.
    """
    good = counts.succeeded + counts.cached + counts.skipped
    if ending is not None:
        return ending
    if good == counts.total > 0:
        return State.SUCCEEDED
    return State.PARTIAL if good else State.FAILED


@dataclass(frozen=True)
class Move:
    """One change of a batch's state: one line of the batch's log."""

    id: str
    """Grows with time; every reader of the line gets the same id."""
    batch_id: str
    at_ms: int
    state: State
    cause: str
    """The verb, or another cause of the change."""
    actor: str
    """Who caused it: the start of an API key's hash, or a part of rayjobs."""

    @property
    def order(self) -> tuple[int, int]:
        """Sort key of the moves of a batch."""
        at_ms, _, number = self.id.partition("-")
        return int(at_ms), int(number)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Move":
        """Read the dictionary that `dataclasses.asdict` made."""
        return cls(**{**raw, "state": State(raw["state"])})

    def as_json(self) -> dict[str, Any]:
        """Return the line as the log shows it."""
        at = moment(self.at_ms)
        return {"id": self.id, "at": at, "state": self.state, "cause": self.cause, "actor": self.actor}


@dataclass(frozen=True)
class Batch:
    """A batch as the registry holds it at one moment."""

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
    """Items that ended per second, weighted towards the last ten seconds."""
    document: dict[str, Any]
    """The parts that never change: pipeline, output, labels, max_attempts."""
    error: dict[str, Any] | None = None
    """Why the whole batch failed, ended early, or was paused by rayjobs itself."""
    remarks: Mapping[str, Any] = field(default_factory=dict)
    """What the listing of its source tells beside the items, once it has ended: see `walk.Remarks`."""
    ending: State | None = None
    """The early end that a verb has given it."""
    ran_ms: int = 0
    """Time that it ran before it was put back by a retry, from its start to its end each."""
    move: Move | None = None
    """The last change of its state; None where the registry does not tell."""

    @cached_property
    def terms(self) -> BatchTerms:
        """The terms of the document."""
        return BatchTerms.of(self.document)

    @property
    def speed_per_s(self) -> float:
        """Items ended a second: of late, or of a batch that has ended, over all the time that it ran."""
        if self.state not in TERMINAL:
            return self.throughput_per_s
        if self.started_ms is None or self.finished_ms is None:
            return 0.0
        ran_ms = self.ran_ms + self.finished_ms - self.started_ms
        return (self.counts.done - self.counts.cancelled) * 1000 / max(ran_ms, 1)

    @property
    def eta_s(self) -> float | None:
        """Seconds until the last item ends, at the present speed; None while the speed is unknown."""
        left = self.counts.pending + self.counts.running
        if self.state in TERMINAL or (self.exact and not left):
            return 0.0
        return round(left / self.throughput_per_s, 1) if self.throughput_per_s > 0 else None

    def matches(self, state: State | None, label: tuple[str, str] | None) -> bool:
        """Return whether a listing with these conditions shows the batch."""
        return state in (None, self.state) and self.terms.has_label(label)

    def as_json(self) -> dict[str, Any]:
        """Return the batch as JSON, as every route returns it."""
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
            "warnings": self.remarks.get("warnings", []),
            "left_out": self.remarks.get("left_out", 0),
            "created_at": moment(self.created_ms),
            "started_at": moment(self.started_ms),
            "finished_at": moment(self.finished_ms),
            "throughput_per_s": round(self.speed_per_s, 2),
            "eta_s": self.eta_s,
            "links": {name: f"{here}/{name}" for name in ("items", "results", "events", "log")},
        }


def moment(at_ms: int | None) -> str | None:
    """Return milliseconds since the epoch as RFC 3339 in UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
