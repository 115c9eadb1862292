"""The composition root of a slot's process: what a Ray task runs, built once in each process."""

import os
from collections.abc import Mapping
from functools import lru_cache

from rayjobs.adapters.file_store import FileStore
from rayjobs.board import Hand
from rayjobs.chunk import Slot
from rayjobs.lease import Lease, Tally
from rayjobs.record import Record
from rayjobs.settings import Settings


def run_chunk(lease: Mapping[str, int | str]) -> Tally:
    """Run a chunk in this process; raises as `Slot.run`."""
    return _slot().run(Lease.of(lease))


def warm() -> int:
    """Import and build all that the first chunk needs; return the process id."""
    _slot()
    return os.getpid()


@lru_cache(1)
def _slot() -> Slot:
    settings = Settings()
    return Slot(settings, Record(FileStore(settings.store)), Hand(settings.board_folder, os.getpid()))
