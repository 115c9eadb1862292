"""Formats the results of the benchmark: for a terminal, or as Markdown for FIGURES.md."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from rayjobs_cli.benchmark.large import Memory
from rayjobs_cli.benchmark.turns import Row

_NAMES = ("set", "pipeline", "tool", "images/s", "rayjobs is", "from - to", "dB", "MiB", "load")
_LEFT = 3
"""Columns of text at the left; the others are numbers."""


def of(rows: Iterable[Row]) -> Table:
    """Return the rows for a terminal."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for at, name in enumerate(_NAMES):
        made.add_column(name, justify="left" if at < _LEFT else "right")
    for row in rows:
        made.add_row(*_cells(row))
    return made


def markdown(rows: Sequence[Row], weights: Sequence[Memory]) -> str:
    """Return the results as tables of Markdown."""
    lines = []
    if rows:
        lines += _lines(_NAMES, [_cells(row) for row in rows])
    if weights:
        cells = [(each.picture, each.pipeline, f"{each.mib:.0f}") for each in weights]
        lines += ["", *_lines(("104 MP", "pipeline", "MiB above rest"), cells)]
    return "\n".join(lines)


def _lines(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    ruler = ["---" if at < _LEFT else "---:" for at in range(len(names))]
    return [f"| {' | '.join(cells)} |" for cells in (names, ruler, *rows)]


def _cells(row: Row) -> tuple[str, ...]:
    memory = "-" if row.pss_mib is None else f"{row.pss_mib:.0f}"
    load = "-" if row.load is None else f"{row.load:.1f}"
    range_ = f"{row.least_ratio:.2f} - {row.most_ratio:.2f}"
    names = row.set, row.pipeline, row.tool
    return *names, f"{row.images_per_s:g}", f"{row.ratio:.2f} x", range_, f"{row.db:.1f}", memory, load
