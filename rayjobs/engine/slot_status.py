"""What each slot has in hand: a few bytes that its engine writes; its slot and the agent of its worker read.

Each slot process has one file, named by its pid and mapped into memory, so that a change costs one memory
copy. A reader may see the status of a living engine half written; the status of an ended engine is complete.

A file is never truncated: a process that still maps it would end by SIGBUS. A slot that starts replaces the
file of its pid by a new one. So if a pid comes again, later or in another container, the older process writes
into a file that nobody reads.
"""

import mmap
import struct
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class _Fields(NamedTuple):
    busy: bool = False
    rendering: bool = False
    batch_id: bytes = b""
    item: int = 0
    done: int = 0
    engine_pid: int = 0
    since_s: float = 0.0
    variant: bytes = b""


_STATUS = struct.Struct("<??6x40sqqqd32s")
"""The fields in their order, numbers at multiples of 8 so that each is written whole."""
_COUNT = struct.Struct("<q")
_DONE_AT = 56
"""Offset of `done`, in bytes."""
_VARIANT = struct.Struct("<32s")
_VARIANT_AT = _STATUS.size - _VARIANT.size


@dataclass(frozen=True)
class SlotStatus:
    """The status of one slot, as last written."""

    pid: int
    batch_id: str | None
    """None while nothing is in hand."""
    index: int
    done: int
    """Items that have ended since the slot began."""
    engine_pid: int = 0
    """Process id of the engine; 0 where the slot renders the pictures itself."""
    rendering: bool = False
    """The item is being read or rendered: if the engine ends now, the item is to blame."""
    since_s: float = 0.0
    """When the item was taken in hand, by the monotonic clock that all processes of a machine share."""
    variant: str = ""
    """The variant that is being made; empty while the filters run that all variants share."""


def _status(pid: int, data: bytes) -> SlotStatus:
    fields = _Fields(*_STATUS.unpack_from(data))
    if not fields.busy:
        return SlotStatus(pid, None, 0, fields.done, fields.engine_pid)
    batch_id, variant = (each.rstrip(b"\0").decode() for each in (fields.batch_id, fields.variant))
    return SlotStatus(
        pid, batch_id, fields.item, fields.done, fields.engine_pid, fields.rendering, fields.since_s, variant
    )


class SlotStatusReader:
    """Reads the files of one worker's slots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def statuses(self) -> Iterator[SlotStatus]:
        """Give the status of each slot that has a file."""
        for path in self._folder.glob("*.slot"):
            with suppress(FileNotFoundError):  # another reader has just removed it
                yield _status(int(path.stem), path.read_bytes())

    def forget(self, pid: int) -> None:
        """Remove the file of a slot that has ended."""
        (self._folder / f"{pid}.slot").unlink(missing_ok=True)


class SlotStatusWriter:
    """Writes the status of one slot; the slot's process and its engine process map the same file."""

    def __init__(self, folder: Path, pid: int, engine_pid: int = 0) -> None:
        """Make a new file for the slot `pid`; with an `engine_pid`, go on with the slot's present file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{pid}.slot"
        if not engine_pid:
            new = folder / f"{uuid.uuid4().hex}.new"
            new.write_bytes(bytes(_STATUS.size))
            new.replace(path)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _STATUS.size)
        self._pid = pid
        self._done = self.status().done
        self._engine_pid = engine_pid
        self._write(_Fields())

    def status(self) -> SlotStatus:
        """Return the present status, also if the other process wrote it."""
        return _status(self._pid, self._map[:])

    def take(self, batch_id: str, index: int) -> None:
        """Write which item is in hand, and the present time."""
        since_s = time.monotonic()
        self._write(
            _Fields(busy=True, rendering=True, batch_id=batch_id.encode(), item=index, since_s=since_s)
        )

    def at(self, variant: str) -> None:
        """Write which variant of the item in hand is being made; empty for what all variants share."""
        _VARIANT.pack_into(self._map, _VARIANT_AT, variant.encode())

    def rendered(self) -> None:
        """Write that the item in hand is rendered: it is no longer to blame if the engine ends."""
        self._map[1] = 0

    def done(self) -> None:
        """Count one more item that has ended."""
        self._done += 1
        _COUNT.pack_into(self._map, _DONE_AT, self._done)

    def rest(self) -> None:
        """Write that nothing is in hand; the count, which the other process may have written, stays."""
        self._map[:2] = b"\0\0"

    def _write(self, fields: _Fields) -> None:
        _STATUS.pack_into(self._map, 0, *fields._replace(done=self._done, engine_pid=self._engine_pid))
