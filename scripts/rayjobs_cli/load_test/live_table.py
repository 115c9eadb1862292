"""Shows a run while it goes on: a live table on a terminal, plain rows anywhere else."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.bar import Bar
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test.snapshot import Snapshot, done_of

_ROW_S = 1.0
"""Between two plain rows on this machine."""
_ROW_OF_CLUSTER_S = 3.0
"""Between two rows on a cluster, where a run takes minutes."""
_HEAD_EVERY = 20
"""Plain rows between two heads, about a screen."""
_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "finalizing": "cyan",
    "queued": "yellow",
    "expanding": "yellow",
}


@dataclass(frozen=True)
class Column:
    """One column: its head, its width in characters, and its cell for a snapshot."""

    head: str
    width: int
    cell: Callable[[Snapshot], str]


def _eta(snapshot: Snapshot) -> str:
    return "-" if snapshot.eta_s is None else f"{math.ceil(snapshot.eta_s)} s"


def _states(snapshot: Snapshot) -> str:
    return ", ".join(f"{number} {name}" for name, number in snapshot.states.items())


def _pods(snapshot: Snapshot) -> str:
    return (
        f"{len(snapshot.group_status.ready)}/{len(snapshot.group_status.starting)}"
        if snapshot.group_status
        else "-"
    )


def _of_group(name: str) -> Callable[[Snapshot], str]:
    return lambda snapshot: str(getattr(snapshot.group_status, name, "-"))


_TIME = Column("time", 7, lambda snapshot: f"{snapshot.t_s:.1f} s")
_DONE = Column("done", 9, lambda snapshot: f"{snapshot.done}/{snapshot.total}")
_SPEED = Column("images/s", 8, lambda snapshot: f"{snapshot.images_per_s:.1f}")
_QUEUE = Column("queue", 6, lambda snapshot: str(snapshot.waiting))
_ETA = Column("ETA", 7, _eta)
_BATCHES = Column("batches", 0, _states)

HERE = (
    _TIME,
    _DONE,
    _SPEED,
    _QUEUE,
    Column("workers", 7, lambda snapshot: str(len(snapshot.workers))),
    Column("CPU", 6, lambda snapshot: f"{snapshot.cpu_percent:.0f} %"),
    _ETA,
    _BATCHES,
)
ON_A_CLUSTER = (
    _TIME,
    # As `kubectl get hpa` prints it: use in per cent of the requests of the pods, and the target.
    Column("cpu", 10, _of_group("cpu")),
    Column("memory", 8, _of_group("memory")),
    Column("floor", 5, _of_group("floor")),
    Column("wanted by Ray", 13, _of_group("wanted")),
    Column("ready/starting", 14, _pods),
    Column("busy slots", 10, lambda snapshot: str(snapshot.busy_slots)),
    _QUEUE,
    _SPEED,
    _ETA,
    _DONE,
)


def _line(cells: tuple[str, ...], columns: tuple[Column, ...]) -> str:
    """Return a row in which each cell is below its head."""
    return "  ".join(cell.rjust(column.width) for cell, column in zip(cells, columns, strict=True)).rstrip()


def _cells(snapshot: Snapshot, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the cells of a row, in the order of the columns."""
    return tuple(column.cell(snapshot) for column in columns)


def live_table(snapshot: Snapshot) -> Group:
    """Return what a terminal shows: the figures of the system, then a line for each batch."""
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
    columns = ON_A_CLUSTER if snapshot.group_status else HERE[:-1]
    figures = Text()
    for column, cell in zip(columns, _cells(snapshot, columns), strict=True):
        figures.append(f"{column.head} ", style="dim").append(f"{cell}   ", style="bold")
    # The figures come first: the terminal cuts off the end of a list that is longer than the screen.
    return Group(figures, Text(), table)


class LiveTable:
    """Shows snapshots one after the other, from `with` to its end.

    On a cluster the rows stay above the live table: they show when which pod came.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._live = Live(console=terminal, auto_refresh=False) if terminal.is_terminal else None
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

    def show(self, snapshot: Snapshot, *, is_last: bool = False) -> None:
        """Show a snapshot; the last snapshot of a phase always gets a row."""
        for event in snapshot.events:
            self._terminal.say(f"{snapshot.t_s:5.1f} s  * {event}", style="bold cyan")
        if not self._live or snapshot.group_status:
            self._row(snapshot, is_last=is_last)
        if self._live:
            self._live.update(live_table(snapshot), refresh=True)

    def _row(self, snapshot: Snapshot, *, is_last: bool) -> None:
        if snapshot.t_s < self._next_s and not is_last:
            return
        columns = ON_A_CLUSTER if snapshot.group_status else HERE
        self._next_s = snapshot.t_s + (_ROW_OF_CLUSTER_S if snapshot.group_status else _ROW_S)
        if self._rows % _HEAD_EVERY == 0:
            self._terminal.say(_line(tuple(column.head for column in columns), columns), style="bold")
        self._rows += 1
        self._terminal.say(_line(_cells(snapshot, columns), columns))
