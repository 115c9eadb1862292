"""What clients of a storm were told, and whether it can all be true."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rayjobs.model.batch import TERMINAL, TRANSITIONS, State

_PARTS = ("pending", "running", "succeeded", "cached", "skipped", "failed", "cancelled")
_GOOD = ("succeeded", "cached", "skipped")


def reachable(*, with_retries: bool) -> dict[State, frozenset[State]]:
    """Return each state with all that may follow it, in one step or several, and itself."""
    found = {
        state: {state} | (set() if state in TERMINAL and not with_retries else set(after))
        for state, after in TRANSITIONS.items()
    }
    for _ in TRANSITIONS:
        found = {state: after.union(*map(found.__getitem__, after)) for state, after in found.items()}
    return {state: frozenset(after) for state, after in found.items()}


_FOLLOWS = {with_retries: reachable(with_retries=with_retries) for with_retries in (False, True)}


@dataclass
class Known:
    """A batch that was acknowledged, as clients have seen it."""

    id: str
    label: str
    at: float
    """When it was acknowledged, by `time.monotonic`."""
    state: State
    good: int = 0
    is_retried: bool = False
    """Whether a retry was sent, whatever came of it."""
    is_doomed: bool = False
    """Whether a deletion was sent."""
    gone_at: float | None = None
    """When a deletion was acknowledged."""
    stream_ended: bool | None = None
    """None where nobody follows it."""


@dataclass
class Ledger:
    """All batches of a storm; safe to share between threads."""

    batches: dict[str, Known] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """Each invariant that did not hold, in words."""
    answers: dict[str, int] = field(default_factory=dict)
    """How often a step was answered with a status."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def count(self, what: str) -> None:
        with self.lock:
            self.answers[what] = self.answers.get(what, 0) + 1

    def breach(self, text: str) -> None:
        with self.lock:
            self.broken.append(f"{time.strftime('%H:%M:%S')} {text}")

    def acknowledge(self, batch: Mapping[str, Any]) -> Known:
        """Note a batch that a submission was answered with; the same again for a key that came before."""
        with self.lock:
            known = self.batches.get(batch["id"])
            if known is None:
                known = Known(batch["id"], batch["labels"]["storm"], time.monotonic(), State(batch["state"]))
                self.batches[known.id] = known
            return known

    def pick(self, which: float) -> Known | None:
        """Return one of the batches that are not deleted; newer ones more often."""
        with self.lock:
            alive = [one for one in self.batches.values() if not one.is_doomed]
            return alive[int(which**0.5 * len(alive))] if alive else None

    def everything(self) -> list[Known]:
        with self.lock:
            return list(self.batches.values())

    def see(self, batch: Mapping[str, Any], asked_at: float) -> None:
        """Check what a look at a batch has shown; for looks one after the other."""
        with self.lock:
            known = self.batches.get(batch["id"])
            if known is None:
                return
            counts, state = batch["counts"], State(batch["state"])
            good = sum(counts[name] for name in _GOOD)
            if sum(counts[name] for name in _PARTS) != counts["total"]:
                self.breach(f"{known.id}: the counts do not add up: {counts}")
            if good < known.good:
                self.breach(f"{known.id}: successes went down from {known.good} to {good} ({state})")
            if state not in _FOLLOWS[known.is_retried][known.state]:
                self.breach(f"{known.id}: {known.state} was followed by {state}")
            if known.gone_at is not None and asked_at > known.gone_at:
                self.breach(f"{known.id}: was deleted and is back as {state}")
            known.state, known.good = state, max(good, known.good)

    def missed(self, batch_id: str) -> None:
        """Note that there is no such batch."""
        with self.lock:
            if not self.batches[batch_id].is_doomed:
                self.breach(f"{batch_id}: was acknowledged and is not found")
