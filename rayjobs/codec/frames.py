"""The blocks of files with several frames, and a file cut after one of them.

A client that asks for one frame does not pay for the frames after it: the decoder gets the file up to that
frame.
"""

from collections.abc import Iterator

from rayjobs.codec.tiff_directory import Directories

ANIMATED = {"gif", "webp"}
"""Formats whose frames are one animation; the frames of a TIFF are pages."""

Block = tuple[bytes, int, int]
"""Kind; number of bytes; offset of the end."""

FRAME, EXTENSION = b",", b"!"
"""First byte of a block of a GIF."""


def gif_blocks(data: bytes) -> Iterator[Block]:
    """Yield a GIF's blocks up to its end or to damage. Source: GIF89a, sections 18 to 26."""
    at = 13 + _colours(data[10:11])
    while at < len(data):
        kind = data[at : at + 1]
        if kind == FRAME:
            at, size = _past_blocks(data, at + 11 + _colours(data[at + 9 : at + 10]))
        elif kind == EXTENSION:
            at, size = _past_blocks(data, at + 2)
        else:
            return
        yield kind, size, at


def _colours(flags: bytes) -> int:
    """Return the size in bytes of the colour table that `flags` declare."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> tuple[int, int]:
    """Return the offset of the end of a chain of blocks, and the number of bytes in it."""
    size = 0
    while at < len(data) and (block := data[at]):
        at += 1 + block
        size += block
    return at + 1, size


def webp_chunks(data: bytes) -> Iterator[Block]:
    """Yield the chunks of a WebP. Source: RFC 9649, section 2."""
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        # Only bytes that the file contains count.
        yield kind, min(size, len(data) - at - 8), at + 8 + size + size % 2
        at += 8 + size + size % 2


def webp_without_metadata(data: bytes) -> bytes:
    """Return a WebP without metadata and profile: libwebp refuses damage in them."""
    at, parts = 12, list[bytes]()
    for kind, _, end in webp_chunks(data):
        if kind == b"VP8X":
            flags = data[at + 8] & ~_METADATA_FLAGS if at + 8 < len(data) else 0
            parts.append(data[at : at + 8] + bytes([flags]) + data[at + 9 : end])
        elif kind in _OF_THE_PICTURE:
            parts.append(data[at:end])
        at = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_OF_THE_PICTURE = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_METADATA_FLAGS = 0x20 | 0x08 | 0x04
"""Flags of a profile, EXIF and XMP. Source: RFC 9649, section 2.7."""


def up_to(data: bytes, name: str, page: int) -> bytes:
    """Return a file of the frames or pages up to `page`, without those after it.

    Args:
        data: A file of `gif`, `webp` or `tiff`.
        name: Name of the file's format.
        page: Counted from 0; a file with fewer pages is returned unchanged.
    """
    if name == "tiff":
        return _pages_up_to(data, page)
    blocks, kind = (gif_blocks(data), FRAME) if name == "gif" else (webp_chunks(data), b"ANMF")
    ends = (end for each, _, end in blocks if each == kind)
    for number, end in enumerate(ends):
        if number == page:
            part = data[:end]
            return (
                part + b";" if name == "gif" else b"RIFF" + (len(part) - 8).to_bytes(4, "little") + part[8:]
            )
    return data


def _pages_up_to(data: bytes, page: int) -> bytes:
    directories = Directories(data)
    for number, each in enumerate(directories.pages()):
        if number == page:
            at, word = each.next_at, directories.word
            return data[:at] + bytes(word) + data[at + word :]
    return data
