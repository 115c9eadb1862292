"""What each slot has in hand: a few bytes that its engine writes; its slot and the agent of its worker read.

One file a slot process, named by its pid and mapped into memory, so that telling the item in hand costs
a memory copy. A reader of a living engine may see a word half written; that of one that ended is whole.

A file is never cut while it is there: whoever still maps it would end by SIGBUS. A slot that begins puts a
new one in its place; so where a pid comes again, in time or in another container, the one before it writes
on into what nobody reads.
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


_WORD = struct.Struct("<??6x40sqqqd32s")
"""The fields in their order, numbers at multiples of 8 so that each is written whole."""
_COUNT = struct.Struct("<q")
_DONE_AT = 56
"""Where `done` stands in the word."""
_VARIANT = struct.Struct("<32s")
_VARIANT_AT = _WORD.size - _VARIANT.size


@dataclass(frozen=True)
class SlotStatus:
    """What one slot says."""

    pid: int
    batch_id: str | None
    """None while nothing is in hand."""
    index: int
    done: int
    """Items that have ended since the slot began."""
    engine_pid: int = 0
    """The process that handles the pictures; 0 where the slot itself does."""
    rendering: bool = False
    """The item is being read or rendered: whatever befalls the engine at this moment is its doing."""
    since_s: float = 0.0
    """When it was taken in hand, by the monotonic clock that all processes of a machine share."""
    variant: str = ""
    """Of which the item is at work; empty while it is at what all have in common."""


def _word(pid: int, data: bytes) -> SlotStatus:
    said = _Fields(*_WORD.unpack_from(data))
    if not said.busy:
        return SlotStatus(pid, None, 0, said.done, said.engine_pid)
    batch_id, variant = (each.rstrip(b"\0").decode() for each in (said.batch_id, said.variant))
    return SlotStatus(
        pid, batch_id, said.item, said.done, said.engine_pid, said.rendering, said.since_s, variant
    )


class SlotStatusReader:
    """The files of one worker's slots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def words(self) -> Iterator[SlotStatus]:
        """Give the word of each slot that ever wrote one."""
        for path in self._folder.glob("*.slot"):
            with suppress(FileNotFoundError):  # forgotten at this moment
                yield _word(int(path.stem), path.read_bytes())

    def forget(self, pid: int) -> None:
        """Remove the word of a slot that ended."""
        (self._folder / f"{pid}.slot").unlink(missing_ok=True)


class SlotStatusWriter:
    """One slot's own word, as the slot's process and its engine's map it."""

    def __init__(self, folder: Path, pid: int, engine_pid: int = 0) -> None:
        """Make the word anew for the slot `pid`, or take it over for an engine that begins to work for it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{pid}.slot"
        if not engine_pid:
            new = folder / f"{uuid.uuid4().hex}.new"
            new.write_bytes(bytes(_WORD.size))
            new.replace(path)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _WORD.size)
        self._pid = pid
        self._done = self.word().done
        self._engine_pid = engine_pid
        self._write(_Fields())

    def word(self) -> SlotStatus:
        """Return what the word says at this moment, whoever wrote it."""
        return _word(self._pid, self._map[:])

    def take(self, batch_id: str, index: int) -> None:
        """Say which item is in hand."""
        since_s = time.monotonic()
        self._write(
            _Fields(busy=True, rendering=True, batch_id=batch_id.encode(), item=index, since_s=since_s)
        )

    def at(self, variant: str) -> None:
        """Say which variant of the item in hand is being made; empty for none of its own."""
        _VARIANT.pack_into(self._map, _VARIANT_AT, variant.encode())

    def rendered(self) -> None:
        """Say that the item in hand is no longer to blame for what happens."""
        self._map[1] = 0

    def done(self) -> None:
        """Say that one more item has ended."""
        self._done += 1
        _COUNT.pack_into(self._map, _DONE_AT, self._done)

    def rest(self) -> None:
        """Say that nothing is in hand; the count of the other process, if there is one, stays."""
        self._map[:2] = b"\0\0"

    def _write(self, said: _Fields) -> None:
        _WORD.pack_into(self._map, 0, *said._replace(done=self._done, engine_pid=self._engine_pid))
