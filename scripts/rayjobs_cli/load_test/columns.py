"""What a row of a run's table shows: one set of columns for this machine, one for a cluster."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from rayjobs_cli.load_test.snapshot import Snapshot


@dataclass(frozen=True)
class Column:
    """One figure: what stands over it, how wide it is, and what it is of a snapshot."""

    head: str
    width: int
    cell: Callable[[Snapshot], str]


def _eta(seen: Snapshot) -> str:
    return "-" if seen.eta_s is None else f"{math.ceil(seen.eta_s)} s"


def _states(seen: Snapshot) -> str:
    return ", ".join(f"{number} {name}" for name, number in seen.states.items())


def _pods(seen: Snapshot) -> str:
    return f"{len(seen.standing.ready)}/{len(seen.standing.starting)}" if seen.standing else "-"


def _of_group(name: str) -> Callable[[Snapshot], str]:
    return lambda seen: str(getattr(seen.standing, name, "-"))


_TIME = Column("time", 7, lambda seen: f"{seen.t_s:.1f} s")
_DONE = Column("done", 9, lambda seen: f"{seen.done}/{seen.total}")
_SPEED = Column("images/s", 8, lambda seen: f"{seen.images_per_s:.1f}")
_QUEUE = Column("queue", 6, lambda seen: str(seen.waiting))
_ETA = Column("ETA", 7, _eta)
_BATCHES = Column("batches", 0, _states)

HERE = (
    _TIME,
    _DONE,
    _SPEED,
    _QUEUE,
    Column("workers", 7, lambda seen: str(len(seen.workers))),
    Column("CPU", 6, lambda seen: f"{seen.cpu_percent:.0f} %"),
    _ETA,
    _BATCHES,
)
ON_A_CLUSTER = (
    _TIME,
    # As `kubectl get hpa` has them: per cent of what the pods request, and where the HPA wants it.
    Column("cpu", 10, _of_group("cpu")),
    Column("memory", 8, _of_group("memory")),
    Column("floor", 5, _of_group("floor")),
    Column("wanted by Ray", 13, _of_group("wanted")),
    Column("ready/starting", 14, _pods),
    Column("busy slots", 10, lambda seen: str(seen.busy_slots)),
    _QUEUE,
    _SPEED,
    _ETA,
    _DONE,
)


def line(cells: tuple[str, ...], columns: tuple[Column, ...]) -> str:
    """Return a row whose figures stand under their heads."""
    return "  ".join(cell.rjust(column.width) for cell, column in zip(cells, columns, strict=True)).rstrip()
