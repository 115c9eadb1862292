"""The system at one moment of a run."""

from dataclasses import dataclass, field
from typing import Any

from rayjobs_cli.load_test.verdict import TERMINAL
from rayjobs_k8s.scaling.group_status import GroupStatus


@dataclass(frozen=True)
class Snapshot:
    """What the API says of batches, workers and queue, and on a cluster how the worker group stands."""

    t_s: float
    batches: tuple[dict[str, Any], ...]
    workers: tuple[dict[str, Any], ...] = ()
    queue: dict[str, Any] = field(default_factory=dict)
    images_per_s: float = 0.0
    standing: GroupStatus | None = None
    events: tuple[str, ...] = ()
    """What the worker group did since the last look."""

    @property
    def total(self) -> int:
        """Items of all batches together."""
        return sum(batch["counts"]["total"] for batch in self.batches)

    @property
    def done(self) -> int:
        """Items that have ended."""
        return sum(done_of(batch["counts"]) for batch in self.batches)

    @property
    def waiting(self) -> int:
        """Items that no worker has in hand."""
        return sum(batch["counts"]["pending"] for batch in self.batches)

    @property
    def busy_slots(self) -> int:
        """Slots that hold an item."""
        return sum(worker["busy_slots"] for worker in self.workers)

    @property
    def cpu_percent(self) -> float:
        """Processor time: as the HPA has it on a cluster, else of all workers, 100 for each busy core."""
        if self.standing is not None:
            return float(self.standing.cpu.percent or 0)
        return float(sum(worker["cpu_percent"] for worker in self.workers))

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at the present speed; None while that is unknown."""
        left = self.total - self.done
        return left / self.images_per_s if self.images_per_s > 0 else (None if left else 0.0)

    @property
    def ended(self) -> bool:
        """Whether every batch has."""
        return all(batch["state"] in TERMINAL for batch in self.batches)

    @property
    def states(self) -> dict[str, int]:
        """How many batches are in each state."""
        names = [batch["state"] for batch in self.batches]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def as_scaling(self) -> dict[str, Any]:
        """Return the moment's row of `scaling` in `--json`."""
        row = {"t_s": round(self.t_s, 2), "cpu_percent": round(self.cpu_percent, 1), "queue": self.waiting}
        it = self.standing
        if it is None:
            # Here there is one worker, which nothing scales: the three are the same.
            return row | dict.fromkeys(("floor", "pods", "ready"), len(self.workers))
        counts = {"floor": it.floor, "wanted": it.wanted, "pods": len(it.pods), "ready": len(it.ready)}
        return row | counts | {"memory_percent": it.memory.percent, "events": list(self.events)}


def done_of(counts: dict[str, int]) -> int:
    """Return how many items of a batch have ended."""
    return counts["total"] - counts["pending"] - counts["running"]
