"""Measures the processor time that variants save: `python -m rayjobs_cli.benchmark.variants`.

Both sides make the same files with the same engine in this process, in turns. The other costs of a batch
(reading, writing, the queue) are not measured; variants save those too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.allocator import ALLOCATOR
from rayjobs.engine.branches import Branch
from rayjobs.engine.rendering import render_all
from rayjobs.places import SAMPLES
from rayjobs.request.pipeline import Pipeline, parse_pipeline
from rayjobs.request.presets import PresetForm, shipped
from rayjobs.request.spec import parse_work
from rayjobs_cli.benchmark.pictures import MEDIUM, Picture, make

_COUNTS = (2, 4, 8)
_ROUNDS = 5


@dataclass(frozen=True)
class Saved:
    """The processor time of one picture in both ways."""

    together_ms: float
    apart_ms: float

    @property
    def ratio(self) -> float:
        """Time of separate files, divided by the time of files made together."""
        return self.apart_ms / self.together_ms


def _sized(width: int) -> Branch:
    resize = {"name": "resize", "width": width, "fit": "inside"}
    return Branch(parse_pipeline([resize]), Encoding(format="jpeg", quality=80), str(width))


SIZED = [_sized(width) for width in (1600, 1200, 800, 640, 480, 320, 160, 80)]
"""Files of more and more widths, the largest first."""


def main() -> None:
    """Measure all and print the table."""
    if (
        not ALLOCATOR.items() <= os.environ.items()
    ):  # the settings of engine processes; malloc reads them once, at the start
        again = [sys.executable, "-m", "rayjobs_cli.benchmark.variants"]
        subprocess.run(again, env={**os.environ, **ALLOCATOR}, check=True)
        return
    table = Table("picture", "files", "together", "apart", "ratio", title="CPU ms a picture")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in _pictures(Path(folder)):
            for label, branches in _sets_of_files():
                saved = measure(data, branches)
                figures = f"{saved.together_ms:.1f}", f"{saved.apart_ms:.1f}", f"{saved.ratio:.2f}"
                table.add_row(name, label, *figures)
    Console().print(table)


def measure(data: bytes, branches: Sequence[Branch], rounds: int = _ROUNDS) -> Saved:
    """Make the files of one picture in both ways, in turns, and return the medians."""

    def make_files(*groups: Sequence[Branch]) -> None:
        for group in groups:
            render_all(data, Pipeline(), group, Limits())

    ways = (lambda: make_files(branches), lambda: make_files(*([each] for each in branches)))
    taken = [[_cpu_ms(way) for way in ways] for _ in range(rounds + 1)][1:]  # the first warms up
    return Saved(*(statistics.median(column) for column in zip(*taken, strict=True)))


def _cpu_ms(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def _sets_of_files() -> list[tuple[str, list[Branch]]]:
    """Return thumbnails of more and more widths, and what the preset `web` makes."""
    _, web = parse_work(PresetForm, shipped()["web"][-1])
    made = [Branch(each.pipeline, each.output, each.name) for each in web.variants]
    return [*((f"{count} widths, jpeg", SIZED[:count]) for count in _COUNTS), ("preset web", made)]


def _pictures(folder: Path) -> list[tuple[str, bytes]]:
    (folder / MEDIUM.letter).mkdir()
    picture = Picture(MEDIUM, 0, seed=1)
    make(folder, picture)
    found = [("12 MP jpeg", (folder / MEDIUM.letter / picture.name).read_bytes())]
    samples = ("brushes_640x480.jpg", "sample_4k.jpg", "sample_large.jpg", "mountains.webp", "fig_alpha.png")
    return [*found, *((name, (SAMPLES / name).read_bytes()) for name in samples)]


if __name__ == "__main__":
    main()
