"""What each slot has in hand: a few bytes that slots write and the agent of their worker reads.

One file a slot process, named by its pid and mapped into memory, so that telling the item in hand costs
a memory copy. A reader may see a word half written; it is for people's eyes, nothing is decided by it.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WORD = struct.Struct("<?40sqq")
"""Whether busy, batch id, index of the item in hand, items done."""


@dataclass(frozen=True)
class Word:
    """What one slot says."""

    pid: int
    batch_id: str | None
    index: int
    done: int


class Board:
    """The files of one worker's slots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def words(self) -> Iterator[Word]:
        """Give the word of each slot that ever wrote one."""
        for path in self._folder.glob("*.slot"):
            data = path.read_bytes()
            if len(data) >= _WORD.size:
                busy, batch_id, index, done = _WORD.unpack_from(data)
                yield Word(int(path.stem), batch_id.rstrip(b"\0").decode() if busy else None, index, done)

    def forget(self, pid: int) -> None:
        """Remove the word of a slot that ended."""
        (self._folder / f"{pid}.slot").unlink(missing_ok=True)


class Hand:
    """One slot's own word."""

    def __init__(self, folder: Path, pid: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{pid}.slot"
        path.write_bytes(bytes(_WORD.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _WORD.size)
        self._done = 0

    def take(self, batch_id: str, index: int) -> None:
        """Say which item is in hand."""
        _WORD.pack_into(self._map, 0, True, batch_id.encode(), index, self._done)  # noqa: FBT003 - a field

    def done(self) -> None:
        """Say that the item in hand has ended."""
        self._done += 1

    def rest(self) -> None:
        """Say that nothing is in hand."""
        _WORD.pack_into(self._map, 0, False, b"", 0, self._done)  # noqa: FBT003 - a field
