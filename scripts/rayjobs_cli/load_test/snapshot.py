"""The system at one moment of a run."""

from dataclasses import dataclass, field
from typing import Any

from rayjobs_cli.load_test.verdict import TERMINAL
from rayjobs_k8s.scaling.group_status import GroupStatus


@dataclass(frozen=True)
class Snapshot:
    """Batches, workers and queue as the API reports them, and the worker group of a cluster."""

    t_s: float
    batches: tuple[dict[str, Any], ...]
    workers: tuple[dict[str, Any], ...] = ()
    queue: dict[str, Any] = field(default_factory=dict)
    images_per_s: float = 0.0
    group_status: GroupStatus | None = None
    """Of the worker group; None on this machine."""
    events: tuple[str, ...] = ()
    """Changes of the worker group since the snapshot before."""

    @property
    def total(self) -> int:
        """The number of items of all batches."""
        return sum(batch["counts"]["total"] for batch in self.batches)

    @property
    def done(self) -> int:
        """The number of items that have ended."""
        return sum(done_of(batch["counts"]) for batch in self.batches)

    @property
    def waiting(self) -> int:
        """The number of items that no worker has begun."""
        return sum(batch["counts"]["pending"] for batch in self.batches)

    @property
    def busy_slots(self) -> int:
        """The number of slots that hold an item."""
        return sum(worker["busy_slots"] for worker in self.workers)

    @property
    def cpu_percent(self) -> float:
        """CPU in per cent: on a cluster the figure of the HPA, else 100 for each busy core of all workers."""
        if self.group_status is not None:
            return float(self.group_status.cpu.percent or 0)
        return float(sum(worker["cpu_percent"] for worker in self.workers))

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at the present speed; None while the speed is unknown."""
        left = self.total - self.done
        return left / self.images_per_s if self.images_per_s > 0 else (None if left else 0.0)

    @property
    def ended(self) -> bool:
        """Whether every batch has ended."""
        return all(batch["state"] in TERMINAL for batch in self.batches)

    @property
    def states(self) -> dict[str, int]:
        """State -> the number of batches in it."""
        names = [batch["state"] for batch in self.batches]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def as_scaling(self) -> dict[str, Any]:
        """Return the moment's row of `scaling` in `--json`."""
        row = {"t_s": round(self.t_s, 2), "cpu_percent": round(self.cpu_percent, 1), "queue": self.waiting}
        group = self.group_status
        if group is None:
            # Nothing scales the one worker of this machine: the three figures are equal.
            return row | dict.fromkeys(("floor", "pods", "ready"), len(self.workers))
        counts = {
            "floor": group.floor,
            "wanted": group.wanted,
            "pods": len(group.pods),
            "ready": len(group.ready),
        }
        return row | counts | {"memory_percent": group.memory.percent, "events": list(self.events)}


def done_of(counts: dict[str, int]) -> int:
    """Return how many items of a batch have ended."""
    return counts["total"] - counts["pending"] - counts["running"]
