"""Faults at random, from a seed, while batches run; it ends only when every item is accounted for."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Timer

import psutil
import requests

from rayjobs.engine.slot_status import SlotStatus, SlotStatusReader
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.polling import ticks
from tests.support.faults import Harmed
from tests.support.waiting import wait_until

PAUSES_S = (1.0, 3.0)
"""Between two faults: sometimes the next one comes before the system has got over the last."""
SPELLS_S = (0.5, 4.0)
"""How long a slot is frozen, or the network to Redis cut."""


@dataclass
class Chaos:
    """Harms one stack; `said` tells what was done and when, so that a seed that fails can be followed."""

    harmed: Harmed
    seed: int
    more: tuple[tuple[str, Callable[["Chaos"], object]], ...] = ()
    """Faults besides those that every run has."""
    pauses_s: tuple[float, float] = PAUSES_S
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a load, no secret
        self._began = time.monotonic()
        self._timers: list[Timer] = []

    def harm(self, seconds: float, ended: Callable[[], bool]) -> None:
        """Do one thing after the other until the time is up or the batches have ended; then mend all."""
        faults = self._faults()
        for _ in ticks(seconds, self._random.uniform(*self.pauses_s)):
            if self._quietly(ended):
                break
            name, fault = self._random.choice(faults)
            self.said.append(f"{time.monotonic() - self._began:.1f} s: {name}")
            try:
                fault()
            except (psutil.NoSuchProcess, KeyError, ValueError):  # it is on its way up from the last time
                self.said.append("   it was not there")
        for timer in self._timers:
            timer.join()
        self.harmed.proxy.mend()

    @staticmethod
    def _quietly(ended: Callable[[], bool]) -> bool:
        try:
            return ended()
        except (CommandError, requests.RequestException):
            return False

    def _faults(self) -> list[tuple[str, Callable[[], object]]]:
        server = self.harmed.server
        named = [(f"kill {name}", partial(self._kill, name)) for name in ("dispatcher", "api", "agent")]
        return [
            *named,
            ("flush Redis", server.flush),
            ("restart Redis", self._restart_redis),
            ("cut the network to Redis", self._cut),
            ("kill a slot", lambda: self._slot().kill()),
            ("kill an engine process", lambda: self._engine().kill()),
            ("freeze a slot", self._freeze),
            ("tell a slot to leave", lambda: self._slot().terminate()),
            ("tell the dispatcher to leave", lambda: self._process("dispatcher").terminate()),
            *((name, partial(fault, self)) for name, fault in self.more),
        ]

    def _kill(self, name: str) -> None:
        self._process(name).kill()

    def freeze(self, process: psutil.Process) -> None:
        """Stop a process for a spell."""
        process.send_signal(signal.SIGSTOP)
        self.later(partial(_thaw, process))

    def _process(self, name: str) -> psutil.Process:
        return _running(self.harmed.stack.pids[name], "rayjobs")

    def _restart_redis(self) -> None:
        self.harmed.server.kill()
        self.harmed.server.start()

    def _cut(self) -> None:
        self.harmed.proxy.cut()
        self.later(self.harmed.proxy.mend)

    def _freeze(self) -> None:
        self.freeze(self._slot())

    def later(self, work: Callable[[], object]) -> None:
        """Do something when a spell is over."""
        timer = Timer(self._random.uniform(*SPELLS_S), work)
        timer.start()
        self._timers.append(timer)

    def _slot(self) -> psutil.Process:
        return _running(self._random.choice([word.pid for word in self._words()] or [-1]), "ray::")

    def _engine(self) -> psutil.Process:
        pids = [word.engine_pid for word in self._words() if word.engine_pid]
        return _running(self._random.choice(pids or [-1]), "rayjobs.entrypoints.engine")

    def _words(self) -> list[SlotStatus]:
        return list(SlotStatusReader(self.harmed.stack.folder / "slots").statuses())


def _running(pid: int, command: str) -> psutil.Process:
    """Return a process whose command line has `command`: the number of an ended one may be another's now.

    Raises:
        psutil.NoSuchProcess: There is none.
    """
    process = psutil.Process(pid)
    if command not in " ".join(process.cmdline()):
        raise psutil.NoSuchProcess(pid)
    return process


def _thaw(process: psutil.Process) -> None:
    if process.is_running():
        process.send_signal(signal.SIGCONT)


def all_ended(harmed: Harmed, batch_ids: list[str], timeout_s: float) -> None:
    """Wait until every batch has ended; there is no other way out but the time."""
    for batch_id in batch_ids:
        wait_until(partial(_is_over, harmed, batch_id), timeout_s, f"{batch_id} has ended")


def _is_over(harmed: Harmed, batch_id: str) -> bool:
    try:
        return harmed.stack.client.batch(batch_id)["finished_at"] is not None
    except (CommandError, requests.RequestException):
        return False
