"""Shows a run while it goes on: a live table on a terminal, plain rows anywhere else."""

from types import TracebackType
from typing import Self

from rich.bar import Bar
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test.columns import HERE, ON_A_CLUSTER, Column, line
from rayjobs_cli.load_test.snapshot import Snapshot, done_of

_ROW_S = 1.0
"""Between two plain rows."""
_ROW_OF_CLUSTER_S = 3.0
"""The same on a cluster, where things change more slowly and a run takes minutes."""
_HEAD_EVERY = 20
"""Plain rows between two heads, about a screen."""
_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "finalizing": "cyan",
    "queued": "yellow",
    "expanding": "yellow",
}


def cells(snapshot: Snapshot, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the figures of a row, in the order of its head."""
    return tuple(column.cell(snapshot) for column in columns)


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
    columns = ON_A_CLUSTER if snapshot.standing else HERE[:-1]
    figures = Text()
    for column, cell in zip(columns, cells(snapshot, columns), strict=True):
        figures.append(f"{column.head} ", style="dim").append(f"{cell}   ", style="bold")
    # The figures come first: of a list longer than the screen, the end is what is cut off.
    return Group(figures, Text(), table)


class Watch:
    """Shows one snapshot after the other until it is left.

    On a cluster its rows stay, above what is live: which pod came when is the story of the run.
    """

    def __init__(self, words: Terminal) -> None:
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

    def show(self, snapshot: Snapshot, *, is_last: bool = False) -> None:
        """Show where the run stands; the last snapshot of a phase has its row in any case."""
        for event in snapshot.events:
            self._words.say(f"{snapshot.t_s:5.1f} s  * {event}", style="bold cyan")
        if not self._live or snapshot.standing:
            self._row(snapshot, is_last=is_last)
        if self._live:
            self._live.update(live_table(snapshot), refresh=True)

    def _row(self, snapshot: Snapshot, *, is_last: bool) -> None:
        if snapshot.t_s < self._next_s and not is_last:
            return
        columns = ON_A_CLUSTER if snapshot.standing else HERE
        self._next_s = snapshot.t_s + (_ROW_OF_CLUSTER_S if snapshot.standing else _ROW_S)
        if self._rows % _HEAD_EVERY == 0:
            self._words.say(line(tuple(column.head for column in columns), columns), style="bold")
        self._rows += 1
        self._words.say(line(cells(snapshot, columns), columns))
