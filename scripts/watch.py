"""Shows a run while it goes on: a live table on a terminal, plain rows anywhere else."""

import math
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.bar import Bar
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.verdict import TERMINAL
from scripts.words import Words

_ROW_S = 1.0
"""Between two plain rows."""
_HEAD_EVERY = 20
"""Plain rows between two heads, about a screen."""
_COLUMNS = ("time", "done", "images/s", "queue", "workers", "CPU", "ETA", "batches")
_WIDTHS = (7, 9, 8, 6, 7, 6, 7, 0)
_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "finalizing": "cyan",
    "queued": "yellow",
    "expanding": "yellow",
}


@dataclass(frozen=True)
class Snapshot:
    """The system at one moment of a run."""

    t_s: float
    batches: tuple[dict[str, Any], ...]
    workers: tuple[dict[str, Any], ...] = ()
    queue: dict[str, Any] = field(default_factory=dict)
    images_per_s: float = 0.0

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
    def cpu_percent(self) -> float:
        """Processor time of all workers, 100 for each core kept busy."""
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

    def cells(self) -> tuple[str, ...]:
        """Return the figures of a plain row, in the order of its head."""
        return (
            f"{self.t_s:.1f} s",
            f"{self.done}/{self.total}",
            f"{self.images_per_s:.1f}",
            str(self.waiting),
            str(len(self.workers)),
            f"{self.cpu_percent:.0f} %",
            "-" if self.eta_s is None else f"{math.ceil(self.eta_s)} s",
            ", ".join(f"{number} {name}" for name, number in self.states.items()),
        )


def done_of(counts: dict[str, int]) -> int:
    """Return how many items of a batch have ended."""
    return counts["total"] - counts["pending"] - counts["running"]


def plain(cells: tuple[str, ...]) -> str:
    """Return a row whose figures stand under their heads."""
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def live_table(snapshot: Snapshot) -> Group:
    """Return what a terminal shows: the figures of the system, and a line a batch."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("batch", "left"), ("state", "left"), ("done", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("", width=28)
    table.add_column("failed", justify="right")
    table.add_column("images/s", justify="right")
    for batch in snapshot.batches:
        counts = batch["counts"]
        done = done_of(counts)
        table.add_row(
            batch["id"],
            Text(batch["state"], style=_COLOURS.get(batch["state"], "red")),
            f"{done}/{counts['total']}",
            Bar(max(counts["total"], 1), 0, done, color="green"),
            Text(str(counts["failed"]), style="red" if counts["failed"] else "dim"),
            f"{batch['throughput_per_s']:.1f}",
        )
    figures = Text()
    for name, cell in zip(_COLUMNS[:-1], snapshot.cells(), strict=False):
        figures.append(f"{name} ", style="dim").append(f"{cell}   ", style="bold")
    # The figures come first: of a list longer than the screen, the end is what is cut off.
    return Group(figures, Text(), table)


class Watch:
    """Shows one snapshot after the other until it is left."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._live = Live(console=words, auto_refresh=False) if words.is_terminal else None
        self._rows = 0
        self._next_s = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def show(self, snapshot: Snapshot) -> None:
        """Show where the run stands."""
        if self._live:
            self._live.update(live_table(snapshot), refresh=True)
        elif snapshot.t_s >= self._next_s or snapshot.ended:
            self._next_s = snapshot.t_s + _ROW_S
            if self._rows % _HEAD_EVERY == 0:
                self._words.say(plain(_COLUMNS))
            self._rows += 1
            self._words.say(plain(snapshot.cells()))
