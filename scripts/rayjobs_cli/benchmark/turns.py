"""Runs the rounds: every tool has a turn in each round, so a noisy minute affects all tools alike."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from rayjobs_cli.benchmark import quality
from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.benchmark.memory import PeakMemory
from rayjobs_cli.benchmark.quality import COMPARED_PICTURES, Reference
from rayjobs_cli.benchmark.tools import Tool, ToolFailedError
from rayjobs_cli.console import Say

_WARMING_SHARE = 4
"""One of so many pictures runs before the rounds: it warms the tool, measures its memory and its outputs."""
_MOST_SLOWER = 4
"""A tool that is slower than the first by more than this runs fewer pictures, for its share of the time."""


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
    least_ratio: float
    """The least of the rounds."""
    most_ratio: float
    """The most of the rounds."""
    db: float
    """The median PSNR against the reference in exact numbers."""
    pss_mib: float | None
    """Peak memory of its processes in MiB, in a run that is not timed."""
    load: float | None
    """Median load of the machine at the start of its turns, its own part included; None if unknown."""

    def as_json(self) -> dict[str, Any]:
        """Return the row as `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class _WarmTool:
    """A warm tool, with its quality and memory."""

    tool: Tool
    pictures: Sequence[Path]
    """The pictures that it runs in each round."""
    db: float
    pss_mib: float | None


@dataclass(frozen=True)
class _Turn:
    images_per_s: float
    load: float | None


def take_turns(job: Job, pictures: Sequence[Path], tools: Sequence[Tool], rounds: int, say: Say) -> list[Row]:
    """Time a job with every tool in turn; the others are compared with the first tool.

    Args:
        job: The pipeline and the number of pictures.
        pictures: The pictures of its set; they are repeated until there are `job.pictures`.
        tools: At least one; a tool that can't run the job, or fails at it, is left out.
        rounds: Turns of each tool, after a run that warms it and measures memory and quality.
        say: Prints a line of progress.
    """
    chosen = list(islice(cycle(pictures), job.pictures))
    warm_tools = list(_warmed(job, chosen, [tool for tool in tools if tool.does(job)], say))
    turns = list(_rounds(job, warm_tools, rounds, say))
    ours = [one[warm_tools[0].tool.name].images_per_s for one in turns]
    return [_row(job, each, ours, [one[each.tool.name] for one in turns]) for each in warm_tools]


def _row(job: Job, warm: _WarmTool, ours: Sequence[float], turns: Sequence[_Turn]) -> Row:
    theirs = [turn.images_per_s for turn in turns]
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    loads = [turn.load for turn in turns if turn.load is not None]
    return Row(
        set=job.kind.letter,
        pipeline=job.pipeline.name,
        tool=warm.tool.name,
        images_per_s=round(median(theirs), 1),
        ratio=round(median(ratios), 2),
        least_ratio=round(ratios[0], 2),
        most_ratio=round(ratios[-1], 2),
        db=warm.db,
        pss_mib=warm.pss_mib,
        load=round(median(loads), 1) if loads else None,
    )


def _warmed(job: Job, chosen: Sequence[Path], tools: Sequence[Tool], say: Say) -> Iterator[_WarmTool]:
    reference = Reference(job, chosen)
    warming = chosen[: max(2 * COMPARED_PICTURES, len(chosen) // _WARMING_SHARE)]
    limit_s = None
    for tool in tools:
        try:
            with PeakMemory(tool.pids) as memory:
                seconds = tool.run(job, warming)
            quality.check(tool.outputs(len(warming)))
            db = reference.db(tool.outputs(COMPARED_PICTURES))
        except ToolFailedError as error:
            say(f"{job.name}: {tool.name} is left out: {error}")
            continue
        limit_s = limit_s or seconds * _MOST_SLOWER
        share = min(1.0, limit_s / seconds)
        yield _WarmTool(
            tool, chosen[: max(2 * COMPARED_PICTURES, int(len(chosen) * share))], db, memory.peak_mib
        )


def _rounds(job: Job, warm_tools: Sequence[_WarmTool], rounds: int, say: Say) -> Iterator[dict[str, _Turn]]:
    for number in range(rounds):
        turns = {each.tool.name: _turn(job, each) for each in warm_tools}
        speeds = ", ".join(f"{name} {turn.images_per_s:.4g}/s" for name, turn in turns.items())
        say(f"{job.name}, round {number + 1} of {rounds}: {speeds}")
        yield turns


def _turn(job: Job, warm: _WarmTool) -> _Turn:
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return _Turn(len(warm.pictures) / warm.tool.run(job, warm.pictures), load)
