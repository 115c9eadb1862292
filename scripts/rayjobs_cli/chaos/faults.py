"""One batch twice, undisturbed and under every fault at once; then what is equal, row by row.

While the second run is under way, Redis is flushed, the dispatcher and a slot are killed, another slot is
frozen until the end, and one of the pictures kills whatever decodes it.
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
"""Pictures: enough that a good part still waits when the new dispatcher has taken over."""
_POISON = 31
_SAMPLE = SAMPLES / "brushes_640x480.jpg"
_PIPELINE = [{"name": "resize", "width": 1600, "height": 1200}, {"name": "blur", "radius": 3}]
_BACK_S = 120.0
"""Until whatever was killed works again; a busy machine takes its time."""
_THAW_S = 5.0
"""A machine's only slot is not left frozen for longer: nothing else could do its work."""


@dataclass
class Snapshot:
    """What a client sees of a batch at one moment."""

    batch: Document
    items: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Of each item that has ended: its state, and the hash of its output or the code of its error."""
    seconds: float = 0.0

    def rows(self) -> dict[str, str]:
        """Return the figures to be compared."""
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
    """Both runs, and what was seen in the middle of the second one."""

    undisturbed: Snapshot
    before: Snapshot
    during: Snapshot
    after: Snapshot
    faults: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the disturbed run ended as the other one did, item by item and byte by byte."""
        return self.undisturbed.rows() == self.after.rows() and self.undisturbed.items == self.after.items

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        looks = {name: getattr(self, name) for name in ("undisturbed", "before", "during", "after")}
        return {
            "ok": self.equal,
            "faults": list(self.faults),
            "seconds": {name: round(look.seconds, 2) for name, look in looks.items()},
            "table": {name: look.rows() for name, look in looks.items()},
        }


def pictures(folder: Path) -> None:
    """Put the pictures into a folder that the system may read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sample = _SAMPLE.read_bytes()
    for index in range(COUNT):
        data = poison.poisoned(sample) if index == _POISON else sample
        (folder / f"{index:03d}.jpg").write_bytes(data)


def run(client: Client, state: Path, folder: Path, words: Terminal) -> Comparison:
    """Run the batch undisturbed, then disturbed; raises `CommandError` if anything does not come back."""
    return _Chaos(client, state, folder, words).run()


class _Chaos:
    def __init__(self, client: Client, state: Path, folder: Path, words: Terminal) -> None:
        self._client = client
        self._state = state
        self._folder = folder
        self._words = words
        self._faults: list[str] = []

    def run(self) -> Comparison:
        undisturbed = self._to_the_end(self._submit(), time.monotonic())
        self._words.say(f"undisturbed: {undisturbed.seconds:.1f} s")
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
        self._wait(lambda: not self._busy(), "the slot that was frozen has nothing in hand")
        again = self._look(batch_id)
        if again.items != after.items:
            raise CommandError(
                "changed", "A slot that woke up late changed a result.", status=ExitStatus.FAILED
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
        look = self._look(batch_id)
        look.seconds = seconds
        return look

    def _look(self, batch_id: str) -> Snapshot:
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
        self._wait(self._busy, "a slot has a picture in hand")
        return psutil.Process(self._busy()[0])

    def _slots(self) -> dict[int, bool]:
        """Return the slots that live, by their process numbers, and whether each has a picture in hand."""
        words = SlotStatusReader(self._state / "slots").statuses()
        return {word.pid: word.batch_id is not None for word in words if _lives(word.pid)}

    def _busy(self) -> list[int]:
        return [pid for pid, busy in self._slots().items() if busy]

    @property
    def _running(self) -> states.State:
        state = states.read(self._state)
        if state is None:
            raise CommandError(
                "ended", "The system was ended while it was disturbed.", status=ExitStatus.FAILED
            )
        return state

    def _say(self, fault: str) -> None:
        self._faults.append(fault)
        self._words.say(f"  {fault}", style="red")

    def _wait(self, condition: Callable[[], object], description: str) -> None:
        def holds() -> bool:
            try:
                return bool(condition())
            except CommandError:  # the API could not answer at this moment
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


def tell(story: Comparison, words: Terminal) -> None:
    """Print the table for people."""
    table = Table(title="one batch, undisturbed and disturbed")
    for column in ("", "undisturbed", "before", "during", "after", "equal"):
        table.add_column(column)
    looks = (story.undisturbed, story.before, story.during, story.after)
    for name, expected in story.undisturbed.rows().items():
        equal = story.after.rows()[name] == expected
        table.add_row(name, *(look.rows()[name] for look in looks), "yes" if equal else "NO")
    table.add_row("seconds", *(f"{look.seconds:.1f}" for look in looks), "")
    words.print(table)
    words.say(
        "equal: nothing was lost, nothing done twice" if story.equal else "NOT equal",
        style="bold green" if story.equal else "bold red",
    )
