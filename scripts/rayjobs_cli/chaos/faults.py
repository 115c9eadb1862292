"""Runs one batch twice, undisturbed and under every fault at once, and compares the results row by row.

During the second run Redis is flushed, the dispatcher and a slot are killed, another slot is frozen until the
end, and one of the pictures kills every process that decodes it.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import redis
from rich.table import Table

from rayjobs.engine.slot_status import SlotStatusReader
from rayjobs.places import SAMPLES
from rayjobs_cli.chaos import poison
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.load_test.verdict import TERMINAL
from rayjobs_cli.polling import pause, until
from rayjobs_cli.targets.client import Client, Document
from rayjobs_cli.targets.local import state as states

COUNT = 80
"""Pictures of the batch: many of them still wait when the new dispatcher leads."""
_POISON = 31
_SAMPLE = SAMPLES / "brushes_640x480.jpg"
_PIPELINE = [{"name": "resize", "width": 1600, "height": 1200}, {"name": "blur", "radius": 3}]
_BACK_S = 120.0
"""Limit until what was killed works again; a busy machine is slow."""
_THAW_S = 5.0
"""How long the only slot of a machine stays frozen: no other slot could do its work."""


@dataclass
class Snapshot:
    """A batch as a client sees it at one moment."""

    batch: Document
    items: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Index of an item that has ended -> its state, and the hash of its output or the code of its error."""
    seconds: float = 0.0

    def rows(self) -> dict[str, str]:
        """Return the figures that are compared, by their names."""
        counts = self.batch["counts"]
        parts = {name: str(counts[name]) for name in ("total", "succeeded", "failed", "running", "pending")}
        errors = ", ".join(f"{n} {code}" for code, n in sorted(self.batch["errors_by_code"].items()))
        digest = sha256(repr(sorted(self.items.items())).encode()).hexdigest()[:12] if self.items else "-"
        outputs = sum(state == "succeeded" for state, _ in self.items.values())
        return {
            "state": self.batch["state"],
            **parts,
            "errors": errors or "-",
            "exact": str(self.batch["exact"]).lower(),
            "outputs": str(outputs) if self.items else "-",
            "SHA-256 of all": digest,
        }


@dataclass(frozen=True)
class Comparison:
    """Snapshots of both runs: the end of each, and two from the middle of the second."""

    undisturbed: Snapshot
    before: Snapshot
    during: Snapshot
    after: Snapshot
    faults: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether both runs ended alike, item by item and byte by byte."""
        return self.undisturbed.rows() == self.after.rows() and self.undisturbed.items == self.after.items

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        snapshots = {name: getattr(self, name) for name in ("undisturbed", "before", "during", "after")}
        return {
            "ok": self.equal,
            "faults": list(self.faults),
            "seconds": {name: round(each.seconds, 2) for name, each in snapshots.items()},
            "table": {name: each.rows() for name, each in snapshots.items()},
        }


def pictures(folder: Path) -> None:
    """Write the pictures, one of them poisoned, into an empty folder that the system may read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sample = _SAMPLE.read_bytes()
    for index in range(COUNT):
        data = poison.poisoned(sample) if index == _POISON else sample
        (folder / f"{index:03d}.jpg").write_bytes(data)


def run(client: Client, state: Path, folder: Path, terminal: Terminal) -> Comparison:
    """Run the batch undisturbed, then disturbed, and return the comparison.

    Raises:
        CommandError: Something that was killed does not work again, or a result changed late.
    """
    return _Chaos(client, state, folder, terminal).run()


class _Chaos:
    def __init__(self, client: Client, state: Path, folder: Path, terminal: Terminal) -> None:
        self._client = client
        self._state = state
        self._folder = folder
        self._terminal = terminal
        self._faults: list[str] = []

    def run(self) -> Comparison:
        undisturbed = self._to_the_end(self._submit(), time.monotonic())
        self._terminal.say(f"undisturbed: {undisturbed.seconds:.1f} s")
        start, batch_id = time.monotonic(), self._submit()
        self._wait(lambda: self._ended(batch_id) >= COUNT // 5, "a fifth of the batch is done")
        before = Snapshot(self._client.batch(batch_id), seconds=time.monotonic() - start)
        self._flush()
        self._kill_dispatcher()
        during = Snapshot(self._client.batch(batch_id), seconds=time.monotonic() - start)
        self._kill_slot()
        frozen = self._freeze_slot()
        try:
            after = self._to_the_end(batch_id, start)
        finally:
            frozen.send_signal(signal.SIGCONT)
        self._wait(lambda: not self._busy(), "the slot that was frozen holds no picture")
        again = self._snapshot(batch_id)
        if again.items != after.items:
            raise CommandError(
                "changed",
                "The slot that was frozen changed a result after the end.",
                status=ExitStatus.FAILED,
            )
        return Comparison(undisturbed, before, during, after, tuple(self._faults))

    def _submit(self) -> str:
        source = {"type": "folder", "path": str(self._folder)}
        batch = self._client.submit({"source": source, "pipeline": _PIPELINE, "max_attempts": 5})
        return str(batch["id"])

    def _ended(self, batch_id: str) -> int:
        counts = self._client.batch(batch_id)["counts"]
        return int(counts["succeeded"] + counts["failed"])

    def _to_the_end(self, batch_id: str, start: float) -> Snapshot:
        self._wait(lambda: self._client.batch(batch_id)["state"] in TERMINAL, "the batch has ended")
        seconds = time.monotonic() - start
        snapshot = self._snapshot(batch_id)
        snapshot.seconds = seconds
        return snapshot

    def _snapshot(self, batch_id: str) -> Snapshot:
        items = self._client.items(batch_id)
        return Snapshot(self._client.batch(batch_id), {item["index"]: _ending(item) for item in items})

    def _flush(self) -> None:
        with redis.Redis.from_url(self._running.plan.redis_url) as client:
            client.flushall()
        self._say("Redis was flushed")

    def _kill_dispatcher(self) -> None:
        old, its_slots = self._running.pids["dispatcher"], set(self._slots())
        os.kill(old, signal.SIGKILL)
        self._say("the dispatcher was killed")
        self._wait(lambda: self._running.pids.get("dispatcher", old) != old, "a dispatcher is started again")
        self._wait(lambda: set(self._busy()) - its_slots, "slots of the new dispatcher work")

    def _kill_slot(self) -> None:
        slot = self._busy_slot()
        slot.kill()
        self._say("a slot was killed")
        self._wait(lambda: slot.pid not in self._slots(), "the slot is gone")

    def _freeze_slot(self) -> psutil.Process:
        slot = self._busy_slot()
        slot.send_signal(signal.SIGSTOP)
        self._say("another slot was frozen")
        if self._running.plan.slots == 1:
            pause(_THAW_S)
            slot.send_signal(signal.SIGCONT)
        return slot

    def _busy_slot(self) -> psutil.Process:
        self._wait(self._busy, "a slot holds a picture")
        return psutil.Process(self._busy()[0])

    def _slots(self) -> dict[int, bool]:
        """Return the slots that live: process number -> whether the slot holds a picture."""
        statuses = SlotStatusReader(self._state / "slots").statuses()
        return {each.pid: each.batch_id is not None for each in statuses if _lives(each.pid)}

    def _busy(self) -> list[int]:
        return [pid for pid, busy in self._slots().items() if busy]

    @property
    def _running(self) -> states.State:
        state = states.read(self._state)
        if state is None:
            raise CommandError("ended", "The system ended during the faults.", status=ExitStatus.FAILED)
        return state

    def _say(self, fault: str) -> None:
        self._faults.append(fault)
        self._terminal.say(f"  {fault}", style="red")

    def _wait(self, condition: Callable[[], object], description: str) -> None:
        def holds() -> bool:
            try:
                return bool(condition())
            except CommandError:  # the API does not answer at this moment
                return False

        if not until(holds, _BACK_S, 0.05):
            raise CommandError("stuck", f"Not within {_BACK_S:g} s: {description}.", status=ExitStatus.FAILED)


def _ending(item: Document) -> tuple[str, str]:
    return item["state"], item["output"]["sha256"] if "output" in item else item["error"]["code"]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def show(comparison: Comparison, terminal: Terminal) -> None:
    """Print the table of a comparison for people."""
    table = Table(title="one batch, undisturbed and disturbed")
    for column in ("", "undisturbed", "before", "during", "after", "equal"):
        table.add_column(column)
    snapshots = (comparison.undisturbed, comparison.before, comparison.during, comparison.after)
    for name, expected in comparison.undisturbed.rows().items():
        equal = comparison.after.rows()[name] == expected
        table.add_row(name, *(each.rows()[name] for each in snapshots), "yes" if equal else "NO")
    table.add_row("seconds", *(f"{each.seconds:.1f}" for each in snapshots), "")
    terminal.print(table)
    terminal.say(
        "equal: nothing was lost, nothing was done twice" if comparison.equal else "NOT equal",
        style="bold green" if comparison.equal else "bold red",
    )
