"""The directories of a TIFF, which list the entries of each page, read without a decoder."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""Bytes of one value by its type. Source: TIFF 6.0, section 2; BigTIFF adds 16 to 18."""

_CODES = {
    1: "B",
    3: "H",
    4: "I",
    6: "b",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_RATIONALS = {5: "I", 10: "i"}

_MOST_PAGES = 500_000
"""Pages that are read; the rest is ignored."""


@dataclass(frozen=True)
class Page:
    """The directory of one page."""

    start: int
    """Its offset, in bytes."""
    next_at: int
    """Offset of the field that has the offset of the next directory."""
    entries: int


@dataclass(frozen=True)
class Directories:
    """A TIFF's or BigTIFF's chain of directories."""

    data: bytes

    @cached_property
    def order(self) -> Literal["little", "big"]:
        """Byte order of the numbers."""
        return "little" if self.data[:1] == b"I" else "big"

    @cached_property
    def is_big(self) -> bool:
        """Whether it is a BigTIFF, whose offsets have 64 bits."""
        return b"+" in self.data[2:4]

    @cached_property
    def word(self) -> int:
        """Number of bytes of an offset."""
        return 8 if self.is_big else 4

    def number(self, at: int, width: int) -> int:
        """Return an unsigned number of the bytes that the file has there; 0 beyond its end."""
        return int.from_bytes(self.data[at : at + width], self.order)

    def pages(self) -> Iterator[Page]:
        """Yield the directories in their order; a circular chain ends before its first repetition."""
        counter, entry = (8, 20) if self.is_big else (2, 12)
        at, seen = self.number(8 if self.is_big else 4, self.word), set[int]()
        while 0 < at < len(self.data) and at not in seen and len(seen) < _MOST_PAGES:
            seen.add(at)
            count = self.number(at, counter)
            end = at + counter + count * entry
            yield Page(at, end, min(count, max(0, len(self.data) - at - counter) // entry))
            at = self.number(end, self.word)

    def is_whole(self, page: Page) -> bool:
        """Return whether the file contains the whole directory."""
        return page.next_at <= len(self.data)

    def entries(self, page: Page) -> Iterator[tuple[int, int, int, int]]:
        """Yield each entry's tag, type, number of values and offset of its values."""
        counter, form = (8, "HHQQ") if self.is_big else (2, "HHII")
        mark = "<" if self.order == "little" else ">"
        entry = struct.Struct(mark + form)
        first = page.start + counter
        table = self.data[first : first + page.entries * entry.size]
        for number, (tag, type_, count, at) in enumerate(entry.iter_unpack(table)):
            is_within = count * _SIZES.get(type_, 1) <= self.word
            yield tag, type_, count, first + (number + 1) * entry.size - self.word if is_within else at

    def values(self, type_: int, count: int, at: int) -> tuple[float, ...]:
        """Return an entry's numbers that the file contains; none for a text."""
        mark = "<" if self.order == "little" else ">"
        size = _SIZES.get(type_, 0)
        count = min(count, max(0, len(self.data) - at) // size) if size else 0
        if not count:
            return ()
        if type_ in _RATIONALS:
            parts = struct.unpack_from(f"{mark}{2 * count}{_RATIONALS[type_]}", self.data, at)
            return tuple(
                above / below if below else 0.0 for above, below in zip(parts[::2], parts[1::2], strict=True)
            )
        if type_ not in _CODES:
            return ()
        return struct.unpack_from(f"{mark}{count}{_CODES[type_]}", self.data, at)
