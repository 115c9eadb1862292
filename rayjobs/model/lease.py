"""The right to work on a chunk, and the tally that gives it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayjobs.model.item import Fault
from rayjobs.model.ranges import Range


@dataclass(frozen=True)
class Lease:
    """The right to run one chunk, until it expires or is settled.

    `token` is a fencing token: it grows with every claim, also over the loss of
    Redis (it is never behind the server's clock in milliseconds). Of several
    outcomes of an item, the one under the highest token is valid.
    """

    token: int
    batch_id: str
    run_id: str
    range: Range

    def as_json(self) -> dict[str, int | str]:
        """Return the lease as a flat object, for Redis and for a Ray task."""
        return {
            "token": self.token,
            "batch": self.batch_id,
            "run": self.run_id,
            "first": self.range.first,
            "count": self.range.count,
            "attempt": self.range.attempt,
        }

    @classmethod
    def of(cls, raw: "Mapping[str, int | str]") -> "Lease":
        """Read what `as_json` wrote."""
        chunk = Range(int(raw["first"]), int(raw["count"]), int(raw["attempt"]))
        return cls(int(raw["token"]), str(raw["batch"]), str(raw["run"]), chunk)


@dataclass(frozen=True)
class Tally:
    """How the items of a chunk ended; a settled lease adds it to the batch's counts.

    Invariant: `sum(counts.values())` plus the items of `again` is the chunk's count.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers of items by their name in `Counts`: succeeded, failed, ..."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """Numbers of failed items by their error code."""
    again: tuple[Range, ...] = ()
    """Items for another attempt."""
    busy_ms: float = 0.0
    """Milliseconds that a slot worked on the chunk."""
    halt: Fault | None = None
    """Why the batch pauses before another claim: there is no room for its outputs."""

    @property
    def ended(self) -> int:
        """Number of items that have ended; only a retry runs them again."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Pace:
    """The size of the next chunk (guided self-scheduling).

    A claim takes `waiting / (4 * slots)` items, within two bounds of time. A chunk lasts at least
    `floor_ms`, so that the claim costs little beside the work. It lasts at most `cap_ms`, so that
    cancelling, fairness and the end of the batch stay quick. While the batch's speed is unknown, a
    chunk is one item. Source: Polychronopoulos and Kuck, "Guided Self-Scheduling", IEEE Trans.
    Computers C-36 (1987), with a quarter of their chunk, because slots are not equally fast.
    """

    floor_ms: float = 60.0
    cap_ms: float = 1000.0

    def size(self, waiting: int, slots: int, item_ms: float | None) -> int:
        """Return the number of items of the next chunk; `item_ms` is the observed time of one item."""
        if item_ms is None:
            return 1
        guided = -(-waiting // (4 * max(slots, 1)))
        floor, cap = (int(ms / max(item_ms, 0.001)) for ms in (self.floor_ms, self.cap_ms))
        return max(1, min(max(guided, floor), cap, waiting))
