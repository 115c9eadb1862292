"""Slots with real engine processes, for a farm whose slots are threads."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rayjobs.engine.process.supervisor import EngineSupervisor
from rayjobs.engine.slot_status import SlotStatusReader
from rayjobs.entrypoints.slot import engine_of
from rayjobs.model.lease import Lease, Tally
from rayjobs.worker.chunk_runner import ChunkRunner
from tests.support.system import System


class Engines:
    """Gives each thread of an executor a slot of its own."""

    def __init__(self, farm: System) -> None:
        self._farm = farm
        self._own = threading.local()
        self._lock = threading.Lock()
        self.supervisors: list[EngineSupervisor] = []
        self._idles: list[threading.Event] = []

    def run_chunk(self, raw: Mapping[str, int | str]) -> Tally:
        if not hasattr(self._own, "slot"):
            self._own.slot, self._own.idle = ChunkRunner(self._farm.record, self._supervisor()), self._idle()
        self._own.idle.clear()
        try:
            tally: Tally = self._own.slot.run(Lease.of(raw))
        finally:
            self._own.idle.set()
        return tally

    def _idle(self) -> threading.Event:
        self._idles.append(threading.Event())
        return self._idles[-1]

    def close(self) -> None:
        """Wait for the chunks that run, then end all processes."""
        for idle in self._idles:
            idle.wait(30)
        for supervisor in self.supervisors:
            supervisor.close()

    def _supervisor(self) -> EngineSupervisor:
        with self._lock:
            number = len(self.supervisors)
            supervisor = engine_of(self._farm.settings, self._farm.record.store, os.getpid() * 100 + number)
            assert isinstance(supervisor, EngineSupervisor)
            self.supervisors.append(supervisor)
        return supervisor

    def pids(self) -> list[int]:
        """Return the engine processes that have an item in hand."""
        return [
            status.engine_pid
            for status in SlotStatusReader(self._farm.settings.slot_status_folder).statuses()
            if status.batch_id
        ]


@contextmanager
def engines(farm: System) -> Iterator[Engines]:
    """Give a farm engine processes, and end them afterwards; what they had begun to write must be gone."""
    own = Engines(farm)
    try:
        yield own
    finally:
        farm.close()
        own.close()
    assert list((Path(farm.settings.store) / "outputs").glob(".parts/*/*")) == []
