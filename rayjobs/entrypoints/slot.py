"""The composition root of a slot's process: what a Ray task runs, built once in each process."""

import logging
import os
import sys
import uuid
from collections.abc import Mapping
from functools import lru_cache, partial

from rayjobs.adapters.file_store import FileStore
from rayjobs.engine.assignment import Engine
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.process.fork_server import ForkServer, environment
from rayjobs.engine.process.supervisor import EngineSupervisor
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.errors import EngineUnavailableError
from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Store
from rayjobs.record.layout import OUTPUTS, PARTS, Record
from rayjobs.settings import Settings
from rayjobs.worker.chunk_runner import ChunkRunner

log = logging.getLogger(__name__)

_CAN_FORK = hasattr(os, "fork")


def run_chunk(lease: Mapping[str, int | str]) -> Tally:
    """Run a chunk in this process, or give it back if the worker drains; raises as `Slot.run`."""
    if _drain().holds():
        return Tally(again=(Lease.of(lease).range,))
    return _slot().run(Lease.of(lease))


def warm() -> int:
    """Import, build and start all that the first chunk needs; return the process id."""
    _slot()
    return os.getpid()


@lru_cache(1)
def _drain() -> DrainMark:
    return DrainMark(Settings().slot_status_folder)


@lru_cache(1)
def _slot() -> ChunkRunner:
    settings = Settings()
    store = FileStore(settings.store)
    engine = engine_of(settings, store, os.getpid())
    engine.warm()
    return ChunkRunner(Record(store), engine)


def engine_of(settings: Settings, store: Store, slot_pid: int) -> Engine:
    """Return what handles a slot's pictures: a process of its own, or the slot's where none can be had."""
    if settings.engine == "process" and _CAN_FORK:
        return engine_supervisor(settings, slot_pid, f"{OUTPUTS}/{PARTS}/{uuid.uuid4().hex}", store=store)
    from rayjobs.engine.attempt import Inline, RenderContext  # noqa: PLC0415 - all the codecs, which a slot else need not hold

    log.warning("pictures are handled in the slot's own process: one that crashes it takes its chunk along")
    return Inline(RenderContext(settings, store), SlotStatusWriter(settings.slot_status_folder, slot_pid))


def engine_supervisor(settings: Settings, number: int, parts: str, *, store: Store) -> EngineSupervisor:
    """Return what keeps an engine process.

    Args:
        settings: The process's own.
        number: Names its word on the board: the slot's process id, if it is a slot's.
        parts: Prefix in the store below which files are begun, of nobody else.
        store: Where that is.

    Raises:
        EngineUnavailableError: The system can't fork.
    """
    if not _CAN_FORK:
        raise EngineUnavailableError("this system has no fork, which processes for pictures are made by")
    command = [sys.executable, "-m", "rayjobs.entrypoints.engine", str(number), parts]
    start = partial(ForkServer, command, environment(os.environ, settings))
    hand = SlotStatusWriter(settings.slot_status_folder, number)
    return EngineSupervisor(settings, hand, start, sweep=partial(store.delete, parts))
