"""One batch inside the registry in memory: the Python twin of the batch's hash, list and stream."""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rayjobs.errors import TOO_MANY_FAILED, ConflictError, IllegalTransitionError, TooManyFailedError
from rayjobs.model.batch import (
    ENDED,
    ENDINGS,
    OVERDUE,
    RESERVED_S,
    TERMINAL,
    VERBS,
    Batch,
    Counts,
    Move,
    State,
    Verb,
    check_transition,
    open_state,
)
from rayjobs.model.lease import Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.model.terms import BatchTerms
from rayjobs.ports import Event, NewBatch, Replayed, Retry

_MEMORY_MS = 10_000
"""Time over which the throughput is weighed, as in prelude.lua."""
_PROGRESS_MS = 250
"""Between two words on how far a batch is, as there."""


@dataclass
class Entry:
    """A batch's mutable state; the registry holds its lock round every call."""

    id: str
    state: State
    total: int
    exact: bool
    priority: int
    terms: BatchTerms
    created_ms: int
    tell: Callable[["Entry", dict[str, Any]], Move]
    """Is told of each change of state, for the log."""
    moved: Move | None = None
    ranges: list[Range] = field(default_factory=list)
    running: int = 0
    ends: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENDED, 0))
    errors: dict[str, int] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)
    started_ms: int | None = None
    ran_ms: int = 0
    finished_ms: int | None = None
    held: dict[str, Any] | None = None
    """Why the farm itself has paused it."""
    ending: State | None = None
    reserved: tuple[int, float] = (0, 0)
    """The token of a retry that was decided, and until when in ms it keeps others from it."""
    reopened: int = 0
    """The token of the last retry."""
    cut: bool = False
    """Whether the early end came while the source was being listed."""
    item_ms: float | None = None
    virtual: float = 0.0
    rate: float = 0.0
    rate_ms: int | None = None
    progress_ms: int = 0
    events: list[Event] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def of(cls, new: NewBatch, now_ms: int, tell: Callable[["Entry", dict[str, Any]], Move]) -> "Entry":
        """Return the entry of a batch that was just submitted."""
        state = State.QUEUED if new.exact else State.EXPANDING
        created_ms = now_ms if new.created_ms is None else new.created_ms
        entry = cls(new.id, state, new.total, new.exact, new.priority, new.terms, created_ms, tell)
        entry._enter(state, now_ms, "submit", new.actor)
        return entry

    @classmethod
    def restored(
        cls, told: Replayed, now_ms: int, tell: Callable[["Entry", dict[str, Any]], Move]
    ) -> "Entry":
        """Return the entry of a batch as its record tells it."""
        new = told.batch
        created_ms = new.created_ms or now_ms
        entry = cls(new.id, told.state, new.total, new.exact, new.priority, new.terms, created_ms, tell)
        entry.ends |= told.ends
        entry.errors = dict(told.errors)
        entry.error, entry.remarks = told.error, told.remarks
        entry.running = sum(lease.range.count for lease in told.running)
        entry.started_ms, entry.finished_ms = told.started_ms, told.finished_ms
        entry.ran_ms = told.ran_ms
        entry.cut, entry.reopened = told.cut, told.reopened
        waiting = sum(chunk.count for chunk in told.waiting)
        if entry.pending != waiting:
            raise IllegalTransitionError(f"{waiting} items wait of {entry.pending}")
        entry._enter(told.state, now_ms, "restored", "dispatcher")
        if entry.ended:
            entry.say("end", entry.end)
        return entry

    @property
    def pending(self) -> int:
        """Items that wait."""
        return self.total - self.running - sum(self.ends.values())

    @property
    def ended(self) -> bool:
        """Whether the state is terminal."""
        return self.state in TERMINAL

    @property
    def end(self) -> dict[str, Any]:
        """What the `end` event says."""
        return {"state": self.state.value, "counts": asdict(self._counts())}

    def say(self, kind: str, data: dict[str, Any]) -> None:
        """Add an event."""
        self.events.append(Event(str(next(self._ids)), kind, data))

    def move(self, to: State, now_ms: int, cause: str, actor: str = "dispatcher") -> None:
        """Change the state; raises `IllegalTransitionError`."""
        check_transition(self.state, to)
        self._enter(to, now_ms, cause, actor)

    def _enter(self, to: State, now_ms: int, cause: str, actor: str) -> None:
        self.state = to
        said = {"state": to.value, "at_ms": now_ms, "cause": cause, "actor": actor}
        self.say("state", said)
        self.moved = self.tell(self, said)

    def take(self, slots: int, pace: Pace) -> Range:
        """Take the next chunk off the front of the ranges."""
        front = self.ranges.pop(0)
        n = min(pace.size(self.pending, slots, self.item_ms), front.count)
        if n < front.count:
            self.ranges.insert(0, Range(front.first + n, front.count - n, front.attempt))
        self.running += n
        return Range(front.first, n, front.attempt)

    def settle(self, chunk: Range, tally: Tally, now_ms: int) -> tuple[Range, ...]:
        """Add a tally to the counts; return the ranges that go back into the queue."""
        back = sum(r.count for r in tally.again)
        if tally.ended + back != chunk.count:
            raise IllegalTransitionError(f"tally of {tally.ended + back} items for {chunk.count}")
        self.running -= chunk.count
        for name, n in tally.counts.items():
            self.ends[name] += n
        for code, n in tally.errors.items():
            self.errors[code] = self.errors.get(code, 0) + n
        again = tally.again
        if self.ending:
            self.ends["cancelled"] += back
            again = ()
        self._weigh(chunk.count - sum(r.count for r in again), tally.busy_ms, now_ms)
        self.judge(now_ms)
        return () if self.ending else again

    def judge(self, now_ms: int) -> None:
        """End the batch if too many of its items failed."""
        ratio, counts = self.terms.max_failed_ratio, self._counts()
        steered = VERBS[Verb.ABORT].get(self.ending or self.state)
        if ratio is None or not counts.failed or steered is not State.FINALIZING:
            return
        if counts.too_many_failed(ratio, exact=self.exact):
            tried = counts.done - counts.cancelled
            detail = TOO_MANY_FAILED % (counts.failed, tried)
            why = TooManyFailedError(detail, limit=ratio, actual=counts.failed / tried)
            self.stop(State.FAILED, now_ms, why.code, "dispatcher", why.as_json())

    def _weigh(self, ended: int, busy_ms: float, now_ms: int) -> None:
        if not ended:
            return
        age = now_ms - (now_ms if self.rate_ms is None else self.rate_ms)
        self.rate = self.rate * math.exp(-age / _MEMORY_MS) + ended * 1000 / _MEMORY_MS
        self.rate_ms = now_ms
        if busy_ms > 0:
            fresh = busy_ms / ended
            self.item_ms = fresh if self.item_ms is None else (fresh + self.item_ms) / 2

    def progress(self, now_ms: int, *, at_once: bool) -> None:
        """Say how far the batch is, at most four times a second."""
        if at_once or now_ms - self.progress_ms >= _PROGRESS_MS:
            self.progress_ms = now_ms
            counts = asdict(self._counts())
            self.say("progress", {"counts": counts, "throughput_per_s": self._throughput(now_ms)})

    def steer(self, verb: Verb, now_ms: int, cause: str, actor: str, error: dict[str, Any] | None) -> None:
        """Pause, resume or end; raises `ConflictError`."""
        here = self.ending or self.state
        to = self.allowed(verb, here)
        if to is here:
            return
        if verb in ENDINGS:
            self.stop(ENDINGS[verb], now_ms, cause, actor, error)
        elif verb is Verb.PAUSE:
            self.held = error
            self.move(to, now_ms, cause, actor)
        else:
            self.held = None
            to = open_state(exact=self.exact, started=self.started_ms is not None)
            self.move(to, now_ms, cause, actor)

    def allowed(self, verb: Verb, here: State) -> State:
        """Return where a verb leads; raises `ConflictError`."""
        if here not in VERBS[verb]:
            raise ConflictError(f"the batch is {self.state}, which does not allow this")
        return VERBS[verb][here]

    def stop(
        self, ending: State, now_ms: int, cause: str, actor: str, why: dict[str, Any] | None = None
    ) -> None:
        """Give an end before the items are through: cancel what waits."""
        self.ends["cancelled"] += self.pending
        self.ranges.clear()
        self.cut = not self.exact
        self.ending, self.exact, self.error = ending, True, why or self.error
        self.move(State.FINALIZING, now_ms, cause, actor)
        self.progress(now_ms, at_once=True)

    def reopen(self, retry: Retry, now_ms: int, actor: str, token: int) -> None:
        """Take items that did not succeed back from the counts; raises `ConflictError`."""
        self.allowed(Verb.RETRY, self.state)
        if retry.token is None:
            self.check_reserved(now_ms)
        elif retry.token != self.reserved[0]:
            raise ConflictError(f"{self.id} is being retried; try again when it has ended")
        self.reserved, self.reopened = (0, 0), retry.token or token
        self.ends["failed"] -= sum(r.count for r in retry.ranges) - retry.cancelled
        self.ends["cancelled"] -= retry.cancelled
        for code, n in retry.errors.items():
            self.errors[code] -= n
        if self.started_ms is not None and self.finished_ms is not None:
            self.ran_ms += self.finished_ms - self.started_ms
        self.finished_ms = self.started_ms = self.rate_ms = self.ending = self.error = None
        self.rate = 0.0
        self.exact, self.cut = not self.cut, False
        self.move(open_state(exact=self.exact, started=False), now_ms, "retry", actor)
        self.progress(now_ms, at_once=True)

    def reserve(self, token: int, now_ms: int) -> None:
        """Keep all others from retrying or deleting it for a while; raises `ConflictError`."""
        self.allowed(Verb.RETRY, self.state)
        if self.late(now_ms):
            raise ConflictError(OVERDUE.format(self.id))
        self.check_reserved(now_ms)
        self.reserved = (token, now_ms + RESERVED_S * 1000)

    def check_reserved(self, now_ms: int) -> None:
        """Raise `ConflictError` while a retry that was decided is being written."""
        if self.reserved[1] > now_ms:
            raise ConflictError(f"{self.id} is being retried; try again when it has ended")

    def close(self, state: State, now_ms: int) -> None:
        """Reach a terminal state."""
        self.finished_ms = now_ms
        self.move(state, now_ms, "closed")
        self.say("end", self.end)

    def overdue(self, now_ms: int) -> bool:
        """Whether the deadline is over and nothing has ended the batch so far."""
        return self.late(now_ms) and self.state not in TERMINAL | {State.FINALIZING}

    def late(self, now_ms: int) -> bool:
        """Whether the deadline is over."""
        deadline_s = self.terms.deadline_s
        return deadline_s is not None and now_ms >= self.created_ms + deadline_s * 1000

    def matches(self, state: State | None, label: tuple[str, str] | None) -> bool:
        """Whether a listing with these conditions shows the batch."""
        return state in (None, self.state) and self.terms.has_label(label)

    def view(self, run_id: str, now_ms: int) -> Batch:
        """Return the batch as clients see it."""
        return Batch(
            id=self.id,
            state=self.state,
            run_id=run_id,
            counts=self._counts(),
            errors_by_code={code: n for code, n in self.errors.items() if n},
            exact=self.exact,
            priority=self.priority,
            created_ms=self.created_ms,
            started_ms=self.started_ms,
            finished_ms=self.finished_ms,
            throughput_per_s=self._throughput(now_ms),
            document=self.terms.document,
            error=self.error or self.held,
            remarks=self.remarks,
            ending=self.ending,
            ran_ms=self.ran_ms,
            move=self.moved,
        )

    def _counts(self) -> Counts:
        return Counts(total=self.total, pending=self.pending, running=self.running, **self.ends)

    def _throughput(self, now_ms: int) -> float:
        if self.rate_ms is None:
            return 0.0
        began = now_ms if self.started_ms is None else self.started_ms
        seen = 1 - math.exp((began - now_ms) / _MEMORY_MS)
        return self.rate * math.exp((self.rate_ms - now_ms) / _MEMORY_MS) / seen if seen > 0 else 0.0
