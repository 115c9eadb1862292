"""The boxes that AVIF, HEIC, JPEG 2000 and JPEG XL files are made of."""

from collections.abc import Iterator

_HEAD, _LARGE_HEAD = 8, 16
"""Bytes of a box's header; of one whose size has 64 bits."""


Box = tuple[bytes, int, int, int]
"""Type; offset of the box, of its content and of its end, which is beyond a cut file's end."""


def boxes(data: bytes) -> Iterator[Box]:
    """Yield the outermost boxes. Source: ISO/IEC 14496-12, section 4.2.

    A box whose size is 0, or smaller than its own header, ends at the end of the file.
    """
    at = 0
    while at + _HEAD <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), _HEAD
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), _LARGE_HEAD
        end = at + size if size >= head else max(len(data), at + head)
        yield data[at + 4 : at + 8], at, at + head, end
        at = end
