"""Runs a load test: purges, sends the load, shows it, judges the result and writes the report."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test import load, report
from rayjobs_cli.load_test.live_table import LiveTable
from rayjobs_cli.load_test.poller import Pace, Poller
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_cli.load_test.verdict import Verdict, judge
from rayjobs_cli.targets.client import Client, Document, outputs_of
from rayjobs_cli.targets.observe import Observe

_PICTURES = 4
"""Pairs of pictures in the report."""


@dataclass(frozen=True)
class LoadTest:
    """A load test that has ended."""

    snapshots: tuple[Snapshot, ...]
    verdict: Verdict
    seconds: float
    """From the first POST to the end of the last item, as this client sees it."""
    report: Path
    outputs: str
    """The folder that holds the output folders of the batches; empty without an output."""

    @property
    def batches(self) -> tuple[Document, ...]:
        """The batches in their last state."""
        return self.snapshots[-1].batches

    @property
    def images(self) -> int:
        """The number of pictures that were made."""
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
    """The size of a load, and the path of its report."""

    tasks: int
    """Batches that are sent at once."""
    count: int
    """Pictures of each batch."""
    report: Path
    preset: str | None = None
    """Used instead of the heavy filters."""

    @property
    def body(self) -> Document:
        """The request body of each batch."""
        return load.named(self.preset, self.count) if self.preset else load.heavy(self.count)


def load_options(given: Namespace, *, on_a_cluster: bool) -> LoadOptions:
    """Return the load test that the arguments describe."""
    count = given.count or (arguments.COUNT_ON_A_CLUSTER if on_a_cluster else arguments.COUNT)
    report = (given.report or given.state / "report.html").absolute()
    return LoadOptions(given.tasks, count, report, given.preset)


def run(
    client: Client,
    options: LoadOptions,
    terminal: Terminal,
    observe: Observe | None = None,
    pace: Pace | None = None,
) -> LoadTest:
    """Purge, send the batches, show them until they have ended, judge them, and write the report.

    Args:
        client: Of the system.
        options: The size of the load, and the path of the report.
        terminal: Where the run is shown.
        observe: On a cluster, reads the worker group; the run then waits until the group is small again.
        pace: How often the system is polled, and the limits; None is the usual one of the target.

    Raises:
        CommandError: The system does not answer, or makes no progress.
    """
    client.purge()
    terminal.say(f"{options.tasks} batches of {options.count} pictures, sent at once to {client.url}")
    with LiveTable(terminal) as table:
        poller = Poller(client, table, observe, pace)
        sent = [batch["id"] for batch in load.send(client, options.tasks, options.body)]
        poller.until_ended(sent)
        seconds = poller.snapshots[-1].t_s
        poller.until_at_rest()
    pairs = report.Pairs(_PICTURES)
    entries = [(batch_id, item) for batch_id in sent for item in client.items(batch_id)]
    unusable = load.unusable_outputs(client, entries, pairs.offer)
    verdict = judge(poller.snapshots[-1].batches, options.count, unusable)
    outputs = _folder_of_outputs([item for _, item in entries])
    load_test = LoadTest(tuple(poller.snapshots), verdict, seconds, options.report, outputs)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    page = report.render(load_test.as_json(), load_test.snapshots, pairs.pictures())
    options.report.write_text(page, encoding="utf-8")
    return load_test


def _folder_of_outputs(items: list[Document]) -> str:
    uris = [output["uri"] for item in items for output in outputs_of(item).values()]
    return uris[0].removeprefix("file://").rsplit("/", 2)[0] if uris else ""
