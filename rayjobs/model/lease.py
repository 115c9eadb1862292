"""The right to work on a chunk, and the tally that gives it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayjobs.model.item import Fault
from rayjobs.model.ranges import Range


@dataclass(frozen=True)
class Lease:
    """The right to run one chunk, until it expires or is settled.

    `token` is a fencing token: it grows with every claim, also over the loss of
    Redis (it is never behind the server's clock in milliseconds). Whatever an item's
    outcomes are, the one under the highest token holds.
    """

    token: int
    batch_id: str
    run_id: str
    range: Range

    def as_json(self) -> dict[str, int | str]:
        """Return the lease as the flat object that Redis and a Ray task are given."""
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
    """How the items of a chunk ended: what a settled lease adds to the batch's counts.

    Invariant: `sum(counts.values())` plus the items of `again` is the chunk's count.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    """Items by the name that they have in `Counts`: succeeded, failed, ..."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """Failed items by their code."""
    again: tuple[Range, ...] = ()
    """Items for another attempt."""
    busy_ms: float = 0.0
    """Time that a slot worked for the chunk, in milliseconds."""
    halt: Fault | None = None
    """Why the batch is to be paused before any more of it is claimed: its outputs have no room."""

    @property
    def ended(self) -> int:
        """Items that will not run again by themselves."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Pace:
    """How large a chunk the queue hands out (guided self-scheduling).

    A claim takes `waiting / (4 * slots)` items, within bounds of time: at least what
    takes `floor_ms`, so that handing it out costs little beside it, and at most what takes
    `cap_ms`, so that cancelling, fairness and the end of the batch stay quick. One item while
    the batch's speed is unknown. Source: Polychronopoulos and Kuck, "Guided Self-Scheduling",
    IEEE Trans. Computers C-36 (1987), with a quarter of their chunk: slots are not equally fast.
    """

    floor_ms: float = 60.0
    cap_ms: float = 1000.0

    def size(self, waiting: int, slots: int, item_ms: float | None) -> int:
        """Return the items of the next chunk; `item_ms` is the observed time of one."""
        if item_ms is None:
            return 1
        guided = -(-waiting // (4 * max(slots, 1)))
        floor, cap = (int(ms / max(item_ms, 0.001)) for ms in (self.floor_ms, self.cap_ms))
        return max(1, min(max(guided, floor), cap, waiting))
