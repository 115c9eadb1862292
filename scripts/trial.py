"""A run from purge to verdict: sends the load, watches it, judges it and writes the report."""

import io
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts import load, report
from scripts.client import Client, Document
from scripts.outcome import CommandError, Exit
from scripts.patience import ticks
from scripts.verdict import Verdict, judge
from scripts.watch import Snapshot, Watch

_LOOK_S = 0.25
"""Between two looks: a run of a few seconds still makes a curve."""
_SPEED_S = 3.0
"""Time over which images a second are counted, as long as a person's look at the table."""
_STALL_S = 120.0
"""Without a single item more in this time, nothing more is expected."""
_LONGEST_S = 24 * 3600.0
_PICTURES = 4
"""Pairs of pictures in the report."""


@dataclass(frozen=True)
class Trial:
    """What a run was, and how it ended."""

    snapshots: tuple[Snapshot, ...]
    verdict: Verdict
    seconds: float
    """From the first POST to the last item's end, seen from here."""
    report: Path
    worker_versions: dict[str, str]

    @property
    def batches(self) -> tuple[Document, ...]:
        """The batches as they ended."""
        return self.snapshots[-1].batches

    @property
    def images(self) -> int:
        """Pictures made."""
        return sum(batch["counts"]["succeeded"] + batch["counts"]["cached"] for batch in self.batches)

    @property
    def images_per_s(self) -> float:
        """Pictures a second over the whole run."""
        return round(self.images / self.seconds, 2) if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "ok": self.verdict.ok,
            "faults": list(self.verdict.faults),
            "batches": list(self.batches),
            "images": self.images,
            "seconds": round(self.seconds, 2),
            "images_per_s": self.images_per_s,
            "scaling": [_scaling(one) for one in self.snapshots],
            "report": str(self.report),
        }


def run(client: Client, *, tasks: int, count: int, to: Path, console: Console) -> Trial:
    """Purge, send `tasks` heavy batches of `count` pictures, watch them to their end, and judge.

    Raises:
        CommandError: The system does not answer, or makes no progress.
    """
    client.purge()
    console.print(f"{tasks} batches of {count} pictures, sent at once to {client.url}", highlight=False)
    start = time.monotonic()
    sent = [batch["id"] for batch in load.send(client, tasks, count)]
    with Watch(console) as watch:
        snapshots = _watch(client, sent, watch, start)
    seconds = snapshots[-1].t_s
    pairs = report.Pairs(_PICTURES)
    entries = [(batch_id, item) for batch_id in sent for item in client.items(batch_id)]
    unusable = load.unusable_outputs(client, entries, pairs.offer)
    verdict = judge(snapshots[-1].batches, count, unusable)
    versions = snapshots[-1].workers[0]["engine_versions"] if snapshots[-1].workers else {}
    trial = Trial(tuple(snapshots), verdict, seconds, to, versions)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(report.render(trial.as_json(), snapshots, pairs.pictures), encoding="utf-8")
    return trial


def tell(trial: Trial, console: Console) -> None:
    """Print the verdict for people."""
    word = "[green]all succeeded[/]" if trial.verdict.ok else "[red]not all succeeded[/]"
    console.print(
        f"\n{word}: {trial.images} pictures of {len(trial.batches)} batches in {trial.seconds:.1f} s, "
        f"{trial.images_per_s:g} images/s; every output was fetched and compared with its record.",
        highlight=False,
    )
    for fault in trial.verdict.faults:
        console.print(f"  - {fault}", highlight=False, markup=False)
    console.print(f"report: {trial.report}", highlight=False, markup=False, soft_wrap=True)
