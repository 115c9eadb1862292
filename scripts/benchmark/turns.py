"""The rounds: every tool has its turn in each, so that a noisy minute falls on all alike."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from scripts.benchmark.jobs import Job
from scripts.benchmark.memory import Scale
from scripts.benchmark.quality import LOOKED_AT, Reference
from scripts.benchmark.tools import Tool


@dataclass(frozen=True)
class Row:
    """One tool on one job."""

    set: str
    pipeline: str
    tool: str
    images_per_s: float
    """The median of the rounds."""
    ratio: float
    """How many times as fast the first tool is: the median of the ratios within each round."""
    db: float
    """The median PSNR against Pillow that decodes the whole picture."""
    pss_mib: float | None
    """Peak memory of its processes in a run that is not timed."""

    def as_json(self) -> dict[str, Any]:
        """Return the row as `--json` prints it."""
        return asdict(self)


def take_turns(
    job: Job, pictures: Sequence[Path], tools: Sequence[Tool], rounds: int, say: Callable[[str], None]
) -> list[Row]:
    """Time a job with every tool in turn; the first tool is the one that the others are compared with.

    Args:
        job: What is done.
        pictures: Those of its set; `job.pictures` of them are run, in turn.
        tools: At least one.
        rounds: How often each has its turn, besides a run that warms, weighs and looks at the outputs.
        say: Takes a line of progress.
    """
    chosen = list(islice(cycle(pictures), job.pictures))
    reference = Reference(job, chosen)
    seen = {}
    for tool in tools:
        with Scale(tool.pids) as scale:
            tool.run(job, chosen)
        seen[tool.name] = reference.db(tool.outputs(LOOKED_AT)), scale.peak_mib
    times = list(_timed(job, chosen, tools, rounds, say))
    ours = [one[tools[0].name] for one in times]
    rows = []
    for tool in tools:
        theirs = [one[tool.name] for one in times]
        ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
        db, pss_mib = seen[tool.name]
        speed = len(chosen) / median(theirs)
        rows.append(Row(job.kind.letter, job.name, tool.name, round(speed, 1), round(ratio, 2), db, pss_mib))
    return rows


def _timed(
    job: Job, pictures: Sequence[Path], tools: Sequence[Tool], rounds: int, say: Callable[[str], None]
) -> Iterator[dict[str, float]]:
    for number in range(rounds):
        times = {tool.name: tool.run(job, pictures) for tool in tools}
        told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
        say(f"{job.name} {job.kind.letter}, round {number + 1} of {rounds}: {told}")
        yield times
