"""The blocks of files that hold several pictures, and a file cut behind one of them.

Who asks for one frame alone need not pay for the others: the decoder gets the file up to that frame, however
many there are.
"""

from collections.abc import Iterator

from rayjobs.codec.tiff_directory import Directories

ANIMATED = {"gif", "webp"}
"""Formats whose frames make one picture; those of a TIFF are pages."""

Block = tuple[bytes, int, int]
"""What it is; its bytes; and where it ends."""

FRAME, EXTENSION = b",", b"!"
"""What a GIF's blocks begin with."""


def gif_blocks(data: bytes) -> Iterator[Block]:
    """Give a GIF's blocks up to its end, or to what is none. Source: GIF89a, sections 18 to 26."""
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
    """Return the bytes of the colour table that `flags` announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> tuple[int, int]:
    """Return where a chain of blocks ends, and the bytes in it."""
    size = 0
    while at < len(data) and (block := data[at]):
        at += 1 + block
        size += block
    return at + 1, size


def webp_chunks(data: bytes) -> Iterator[Block]:
    """Give a WebP's chunks. Source: RFC 9649, section 2."""
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        # What the file does not have weighs nothing.
        yield kind, min(size, len(data) - at - 8), at + 8 + size + size % 2
        at += 8 + size + size % 2


def webp_without_metadata(data: bytes) -> bytes:
    """Return a WebP's picture alone: damage beside it, which libwebp does not pass over, is gone."""
    at, parts = 12, list[bytes]()
    for kind, _, end in webp_chunks(data):
        if kind == b"VP8X":
            flags = data[at + 8] & ~_BESIDE if at + 8 < len(data) else 0
            parts.append(data[at : at + 8] + bytes([flags]) + data[at + 9 : end])
        elif kind in _OF_THE_PICTURE:
            parts.append(data[at:end])
        at = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_OF_THE_PICTURE = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_BESIDE = 0x20 | 0x08 | 0x04
"""Flags of a profile, EXIF and XMP. Source: RFC 9649, section 2.7."""


def up_to(data: bytes, name: str, page: int) -> bytes:
    """Return a file that holds the frames or pages up to `page`, and no more of them.

    Args:
        data: A file of `gif`, `webp` or `tiff`.
        name: Its format's name.
        page: Counted from 0; a file that has fewer comes back as it is.
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
