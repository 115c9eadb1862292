"""The boxes that AVIF, HEIC, JPEG 2000 and JPEG XL files are made of."""

from collections.abc import Iterator

_HEAD, _LARGE_HEAD = 8, 16
"""Bytes of a box's own head; of one that has its size in 64 bits."""


Box = tuple[bytes, int, int, int]
"""Its kind; where in the file it starts, where its content does, and where it ends: perhaps beyond a cut."""


def boxes(data: bytes) -> Iterator[Box]:
    """Give the outermost boxes. Source: ISO/IEC 14496-12, section 4.2.

    One whose size is 0, or less than its own head, goes up to the file's end.
    """
    at = 0
    while at + _HEAD <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), _HEAD
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), _LARGE_HEAD
        end = at + size if size >= head else max(len(data), at + head)
        yield data[at + 4 : at + 8], at, at + head, end
        at = end
