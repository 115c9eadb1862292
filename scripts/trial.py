"""A run from purge to verdict: sends the load, watches it, judges it and writes the report."""

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts import load, report
from scripts.client import Client, Document
from scripts.outcome import CommandError, Exit
from scripts.patience import ticks
from scripts.verdict import Verdict, judge
from scripts.watch import Snapshot, Watch
from scripts.words import Words

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
    outputs: str
    """Where the batches' folders of outputs are; empty when there is no output."""

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
            "outputs": self.outputs,
        }


def run(client: Client, *, tasks: int, count: int, to: Path, words: Words) -> Trial:
    """Purge, send `tasks` heavy batches of `count` pictures, watch them to their end, and judge.

    Raises:
        CommandError: The system does not answer, or makes no progress.
    """
    client.purge()
    words.say(f"{tasks} batches of {count} pictures, sent at once to {client.url}")
    start = time.monotonic()
    sent = [batch["id"] for batch in load.send(client, tasks, count)]
    with Watch(words) as watch:
        snapshots = _watch(client, sent, watch, start)
    seconds = snapshots[-1].t_s
    pairs = report.Pairs(_PICTURES)
    entries = [(batch_id, item) for batch_id in sent for item in client.items(batch_id)]
    unusable = load.unusable_outputs(client, entries, pairs.offer)
    verdict = judge(snapshots[-1].batches, count, unusable)
    trial = Trial(tuple(snapshots), verdict, seconds, to, _home_of([item for _, item in entries]))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(report.render(trial.as_json(), snapshots, pairs.pictures()), encoding="utf-8")
    return trial


def _watch(client: Client, sent: list[str], watch: Watch, start: float) -> list[Snapshot]:
    snapshots: list[Snapshot] = []
    history: deque[tuple[float, int]] = deque([(0.0, 0)])
    done, moved_s = 0, 0.0
    for _ in ticks(_LONGEST_S, _LOOK_S):
        known = {batch["id"]: batch for batch in client.batches()}
        batches = tuple(known[one] for one in sent if one in known)
        if len(batches) < len(sent):
            raise CommandError(
                "purged", "Somebody purged the system while it worked.", "Run again.", Exit.FAILED
            )
        now_s = time.monotonic() - start
        seen = Snapshot(now_s, batches, tuple(client.workers()), client.queue())
        seen = replace(seen, images_per_s=_speed(history, now_s, seen.done))
        snapshots.append(seen)
        watch.show(seen)
        if seen.ended:
            return snapshots
        if seen.done > done:
            done, moved_s = seen.done, now_s
        elif now_s - moved_s > _STALL_S:
            break
    detail = f"No picture was finished for {_STALL_S:g} s."
    raise CommandError("stalled", detail, "See the logs that deploy.py names.", Exit.FAILED)


def _speed(history: deque[tuple[float, int]], now_s: float, done: int) -> float:
    history.append((now_s, done))
    # The oldest look that stays is the last one that lies a whole period back.
    while now_s - history[1][0] > _SPEED_S:
        history.popleft()
    then_s, before = history[0]
    return (done - before) / (now_s - then_s) if now_s > then_s else 0.0


def _home_of(items: list[Document]) -> str:
    uris = [item["output"]["uri"] for item in items if item.get("output")]
    return uris[0].removeprefix("file://").rsplit("/", 2)[0] if uris else ""


def _scaling(snapshot: Snapshot) -> dict[str, float]:
    workers = len(snapshot.workers)
    return {
        "t_s": round(snapshot.t_s, 2),
        "cpu_percent": round(snapshot.cpu_percent, 1),
        # Locally there is one worker, which nothing scales: the three are the same.
        "floor": workers,
        "pods": workers,
        "ready": workers,
        "queue": snapshot.waiting,
    }


def tell(trial: Trial, words: Words) -> None:
    """Print the verdict for people."""
    verdict = trial.verdict
    words.print()
    words.say(
        f"{'all succeeded' if verdict.ok else 'not all succeeded'}: {trial.images} pictures of "
        f"{len(trial.batches)} batches in {trial.seconds:.1f} s, {trial.images_per_s:g} images/s",
        style="bold green" if verdict.ok else "bold red",
    )
    for fault in verdict.faults:
        words.say(f"  - {fault}")
    if verdict.ok:
        words.say("every output was fetched and compared with its record")
    words.say(f"outputs: {trial.outputs or 'none'}")
    words.say(f"report:  {trial.report}")
