"""A run from purge to verdict: sends the load, watches it, judges it and writes the report."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test import load, report, scaling_summary
from rayjobs_cli.load_test.poller import Poller
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_cli.load_test.verdict import Verdict, judge
from rayjobs_cli.load_test.watch import Watch
from rayjobs_cli.targets.client import Client, Document, outputs_of
from rayjobs_cli.targets.observe import Observe

_PICTURES = 4
"""Pairs of pictures in the report."""


@dataclass(frozen=True)
class LoadTest:
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
            "scaling": [one.as_scaling() for one in self.snapshots],
            "report": str(self.report),
            "outputs": self.outputs,
        }


@dataclass(frozen=True)
class LoadOptions:
    """What a run is to be."""

    tasks: int
    """Batches sent at once."""
    count: int
    """Pictures of each."""
    report: Path
    preset: str | None = None
    """In place of the heavy filters."""

    @property
    def body(self) -> Document:
        """The request that each is sent with."""
        return load.named(self.preset, self.count) if self.preset else load.heavy(self.count)


def load_options(given: Namespace, *, on_a_cluster: bool) -> LoadOptions:
    """Return the run that the arguments ask for."""
    count = given.count or (arguments.COUNT_ON_A_CLUSTER if on_a_cluster else arguments.COUNT)
    report = (given.report or given.state / "report.html").absolute()
    return LoadOptions(given.tasks, count, report, given.preset)


def run(client: Client, what: LoadOptions, words: Terminal, observe: Observe | None = None) -> LoadTest:
    """Purge, send the heavy batches, watch them to their end, and judge.

    Args:
        client: Of the system.
        what: Of what size, and where the report goes.
        words: Where it is shown.
        observe: On a cluster, tells how the worker group stands; its way down is waited for too.

    Raises:
        CommandError: The system does not answer, or makes no progress.
    """
    client.purge()
    words.say(f"{what.tasks} batches of {what.count} pictures, sent at once to {client.url}")
    with Watch(words) as watch:
        follower = Poller(client, watch, observe)
        sent = [batch["id"] for batch in load.send(client, what.tasks, what.body)]
        follower.until_ended(sent)
        seconds = follower.seen[-1].t_s
        follower.until_at_rest()
    pairs = report.Pairs(_PICTURES)
    entries = [(batch_id, item) for batch_id in sent for item in client.items(batch_id)]
    unusable = load.unusable_outputs(client, entries, pairs.offer)
    verdict = judge(follower.seen[-1].batches, what.count, unusable)
    outputs = _home_of([item for _, item in entries])
    trial = LoadTest(tuple(follower.seen), verdict, seconds, what.report, outputs)
    what.report.parent.mkdir(parents=True, exist_ok=True)
    page = report.render(trial.as_json(), trial.snapshots, pairs.pictures())
    what.report.write_text(page, encoding="utf-8")
    return trial


def _home_of(items: list[Document]) -> str:
    uris = [told["uri"] for item in items for told in outputs_of(item).values()]
    return uris[0].removeprefix("file://").rsplit("/", 2)[0] if uris else ""


def tell(trial: LoadTest, words: Terminal) -> None:
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
    for told in scaling_summary.scaling_summary(trial.snapshots):
        words.say(told)
    words.say(f"outputs: {trial.outputs or 'none'}")
    words.say(f"report:  {trial.report}")
