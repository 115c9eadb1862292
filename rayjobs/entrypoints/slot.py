"""The composition root of a slot's process: what a Ray task runs, built once in each process."""

import logging
import os
import uuid
from collections.abc import Mapping
from typing import ClassVar

from rayjobs.adapters.file_store import FileStore
from rayjobs.engine.assignment import Engine
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.process.supervisor import CAN_FORK, engine_supervisor
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Store
from rayjobs.record.layout import OUTPUTS, PARTS, Record
from rayjobs.settings import Settings
from rayjobs.worker.chunk_runner import ChunkRunner

log = logging.getLogger(__name__)


def run_chunk(lease: Mapping[str, int | str]) -> Tally:
    """Run a chunk in this process, or give it back if the worker drains; raises as `ChunkRunner.run`."""
    return Slot.of_this_process().run(Lease.of(lease))


def warm() -> int:
    """Import, build and start all that the first chunk needs; return the process id."""
    Slot.of_this_process().ready()
    return os.getpid()


class Slot:
    """The parts of one slot's process; its engine starts with the first chunk, or when the slot is warmed."""

    _of_this_process: ClassVar["Slot | None"] = None
    """A Ray task is a plain function: what outlives it has no other home than the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._drain = DrainMark(settings.slot_status_folder)
        self._chunk_runner: ChunkRunner | None = None

    @classmethod
    def of_this_process(cls) -> "Slot":
        """Return the one slot of this process; raises `SettingsError` where the environment can't be used."""
        if cls._of_this_process is None:
            cls._of_this_process = cls(Settings.read())
        return cls._of_this_process

    def run(self, lease: Lease) -> Tally:
        """Run a chunk, or give it back if the worker drains; raises as `ChunkRunner.run`."""
        if self._drain.holds():
            return Tally(again=(lease.range,))
        return self.ready().run(lease)

    def ready(self) -> ChunkRunner:
        """Return the runner of this slot's chunks; the first call starts the engine."""
        if self._chunk_runner is None:
            store = FileStore(self._settings.store)
            engine = engine_of(self._settings, store, os.getpid())
            engine.warm()
            self._chunk_runner = ChunkRunner(Record(store), engine)
        return self._chunk_runner


def engine_of(settings: Settings, store: Store, slot_pid: int) -> Engine:
    """Return the engine of a slot: a process of its own, or the slot's process where no other can be had."""
    if settings.engine == "process" and CAN_FORK:
        return engine_supervisor(settings, slot_pid, f"{OUTPUTS}/{PARTS}/{uuid.uuid4().hex}", store=store)
    from rayjobs.engine.attempt import Inline, RenderContext  # noqa: PLC0415 - all the codecs, which a slot else need not hold

    log.warning("the slot's own process renders the pictures: a picture that crashes it ends the whole chunk")
    return Inline(RenderContext(settings, store), SlotStatusWriter(settings.slot_status_folder, slot_pid))
