"""The rounds: every tool has its turn in each, so that a noisy minute falls on all alike."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from rayjobs_cli.benchmark import quality
from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.benchmark.memory import Scale
from rayjobs_cli.benchmark.quality import LOOKED_AT, Reference
from rayjobs_cli.benchmark.tools import Tool, ToolFailedError

_WARMING_SHARE = 4
"""Of so many pictures one is run to warm a tool, to weigh it and to look at what it writes."""
_PATIENCE = 4
"""A tool that is slower than the first by more than this runs fewer pictures, for its share of the time."""

Say = Callable[[str], None]


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
    """The median PSNR against what exact numbers give."""
    pss_mib: float | None
    """Peak memory of its processes in a run that is not timed."""
    load: float | None
    """Median of the machine's load when its turns began, where the system tells it; its own part included."""

    def as_json(self) -> dict[str, Any]:
        """Return the row as `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class _Seen:
    """A tool that was warmed, and what was seen of it."""

    tool: Tool
    pictures: Sequence[Path]
    """What it runs in each round."""
    db: float
    pss_mib: float | None


@dataclass(frozen=True)
class _Turn:
    images_per_s: float
    load: float | None


def take_turns(job: Job, pictures: Sequence[Path], tools: Sequence[Tool], rounds: int, say: Say) -> list[Row]:
    """Time a job with every tool in turn; the first tool is the one that the others are compared with.

    Args:
        job: What is done.
        pictures: Those of its set; `job.pictures` of them are run, in turn.
        tools: At least one; one that can't do the job, or fails at it, is left out.
        rounds: How often each has its turn, besides a run that warms, weighs and looks at the outputs.
        say: Takes a line of progress.
    """
    chosen = list(islice(cycle(pictures), job.pictures))
    seen = list(_warmed(job, chosen, [tool for tool in tools if tool.does(job)], say))
    turns = list(_rounds(job, seen, rounds, say))
    ours = [one[seen[0].tool.name].images_per_s for one in turns]
    return [_row(job, each, ours, [one[each.tool.name] for one in turns]) for each in seen]


def _row(job: Job, seen: _Seen, ours: Sequence[float], turns: Sequence[_Turn]) -> Row:
    theirs = [turn.images_per_s for turn in turns]
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    loads = [turn.load for turn in turns if turn.load is not None]
    return Row(
        set=job.kind.letter,
        pipeline=job.pipeline.name,
        tool=seen.tool.name,
        images_per_s=round(median(theirs), 1),
        ratio=round(median(ratios), 2),
        least_ratio=round(ratios[0], 2),
        most_ratio=round(ratios[-1], 2),
        db=seen.db,
        pss_mib=seen.pss_mib,
        load=round(median(loads), 1) if loads else None,
    )


def _warmed(job: Job, chosen: Sequence[Path], tools: Sequence[Tool], say: Say) -> Iterator[_Seen]:
    reference = Reference(job, chosen)
    warming = chosen[: max(2 * LOOKED_AT, len(chosen) // _WARMING_SHARE)]
    patience_s = None
    for tool in tools:
        try:
            with Scale(tool.pids) as scale:
                seconds = tool.run(job, warming)
            quality.check(tool.outputs(len(warming)))
            db = reference.db(tool.outputs(LOOKED_AT))
        except ToolFailedError as error:
            say(f"{job.name}: {tool.name} is left out: {error}")
            continue
        patience_s = patience_s or seconds * _PATIENCE
        share = min(1.0, patience_s / seconds)
        yield _Seen(tool, chosen[: max(2 * LOOKED_AT, int(len(chosen) * share))], db, scale.peak_mib)


def _rounds(job: Job, seen: Sequence[_Seen], rounds: int, say: Say) -> Iterator[dict[str, _Turn]]:
    for number in range(rounds):
        turns = {each.tool.name: _turn(job, each) for each in seen}
        told = ", ".join(f"{name} {turn.images_per_s:.4g}/s" for name, turn in turns.items())
        say(f"{job.name}, round {number + 1} of {rounds}: {told}")
        yield turns


def _turn(job: Job, seen: _Seen) -> _Turn:
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return _Turn(len(seen.pictures) / seen.tool.run(job, seen.pictures), load)
