"""What a file is made of, found by stepping over its parts: sizes of profile and texts, number of frames.

A decoder unpacks a profile or a text as soon as it opens a file, so what they may weigh is checked before
it sees one. A damaged file only ends the walk: what is wrong with it, its decoder says.
"""

import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal

from rayjobs.codec.boxes import boxes
from rayjobs.codec.formats import Format
from rayjobs.codec.limits import Limits
from rayjobs.errors import DecodeFailedError

_PIECE = 2**14
"""Packed bytes that are unpacked at a time, to at most 16 times as many."""

Part = tuple[Literal["icc", "text", "frame", "other"], int]
"""What it is, and its bytes when it is unpacked."""

_MOST_PARTS = 500_000
"""Parts that are looked at, a quarter of a second's worth: a 250 MP PNG has 50,000 of 8 KiB."""

_MOST_SCANS = 100
"""Scans of one JPEG; libjpeg passes over all pixels for each, were it empty. Encoders write up to 13."""


def check_structure(data: bytes, found: Format, limits: Limits) -> None:
    """Step over the file's parts.

    Raises:
        TooManyFramesError, SourceTooLargeError: Beyond a limit.
        DecodeFailedError: A JPEG of so many scans that it can only be meant to harm.
    """
    walk = _WALKS.get(found.name)
    if walk is None:
        return
    frames = texts = profile = 0
    for kind, size in islice(walk(data), _MOST_PARTS):
        match kind:
            case "icc":
                profile += size
                limits.check_profile(profile)
            case "text":
                texts += size
                limits.check_metadata(texts)
            case "frame":
                frames += 1
                limits.check_frames(frames)
            case "other":
                pass


def _png(data: bytes) -> Iterator[Part]:
    # Source: PNG, third edition, sections 5.3 and 11.3.
    at = 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        match kind:
            case b"tEXt" | b"eXIf":
                yield "text", size
            case b"zTXt" | b"iTXt" | b"iCCP":
                yield from _unpacked(kind, data[at + 8 : at + 8 + size])
            case _:
                yield "other", size
        at += 12 + size


def _unpacked(kind: bytes, body: bytes) -> Iterator[Part]:
    """Yield a text or profile in small pieces, whose memory is used again."""
    what: Literal["icc", "text"] = "icc" if kind == b"iCCP" else "text"
    _, _, packed = body.partition(b"\0")
    yield what, len(body) - len(packed)
    if kind == b"iTXt":
        if packed[:1] != b"\1":
            yield what, len(packed)
            return
        # Flag, method, language and translated keyword come before.
        packed = packed[2:].split(b"\0", 2)[-1]
    else:
        packed = packed[1:]
    unpack = zlib.decompressobj()
    for at in range(0, len(packed), _PIECE):
        piece = packed[at : at + _PIECE]
        while piece:
            try:
                yield what, len(unpack.decompress(piece, 16 * _PIECE))
            except zlib.error:
                return
            piece = unpack.unconsumed_tail


def _jpeg(data: bytes) -> Iterator[Part]:
    # Source: ITU-T T.81, annex B.1.1.
    at, components = 2, 0
    while at + 10 <= len(data) and data[at] == _MARKER:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _BASELINES:
            components = data[at + 9]
        if marker == _SCAN:
            # A baseline picture whose first scan has all components has no other: not to search it saves
            # 5 ms of the 31 that a thumbnail of 12 MP takes.
            if data[at + 4] != components:
                _check_scans(data.count(b"\xff\xda", at, data.find(b"\xff\xd9", at)))
            return
        is_profile = data[at + 4 : at + 15] == b"ICC_PROFILE"
        yield ("icc" if is_profile else "text" if marker in range(0xE0, 0xFF) else "other"), size
        at += 2 + size


_MARKER = 0xFF
"""The first byte of each marker."""
_SCAN = 0xDA
"""Start of a scan."""
_BASELINES = (0xC0, 0xC1)
"""Start of a frame that is not progressive."""


def _check_scans(scans: int) -> None:
    if scans > _MOST_SCANS:
        detail = f"the jpeg file has {scans:,} scans, the limit is {_MOST_SCANS} (fixed)"
        raise DecodeFailedError(detail, limit=_MOST_SCANS, actual=scans)


def _webp(data: bytes) -> Iterator[Part]:
    # Source: RFC 9649, section 2.
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield _RIFF_KINDS.get(kind, "other"), size
        at += 8 + size + size % 2


_RIFF_KINDS: dict[bytes, Literal["icc", "text", "frame"]] = {
    b"ICCP": "icc",
    b"EXIF": "text",
    b"XMP ": "text",
    b"ANMF": "frame",
}


def _gif(data: bytes) -> Iterator[Part]:
    # Source: GIF89a, sections 18 to 26.
    at = 13 + _colours(data[10:11])
    while at < len(data):
        match data[at]:
            case 0x2C:
                yield "frame", 0
                at, _ = _past_blocks(data, at + 11 + _colours(data[at + 9 : at + 10]))
            case 0x21:
                at, size = _past_blocks(data, at + 2)
                yield "text", size
            case _:
                return


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


def _tiff(data: bytes) -> Iterator[Part]:
    # Source: TIFF 6.0, section 2; BigTIFF doubles the widths.
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    big = b"+" in data[2:4]
    counter, entry, word, first = (8, 20, 8, 8) if big else (2, 12, 4, 4)

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[at : at + width], order)

    at, seen = number(first, word), set[int]()
    while 0 < at < len(data) and at not in seen:
        seen.add(at)
        yield "frame", 0
        entries = number(at, counter)
        for start in range(at + counter, min(at + counter + entries * entry, len(data)), entry):
            yield _TAGS.get(number(start, 2), "other"), number(start + 4, word)
        at = number(at + counter + entries * entry, word)


_TAGS: dict[int, Literal["icc", "text"]] = {
    270: "text",
    700: "text",
    33723: "text",
    34377: "text",
    34675: "icc",
}
"""Image description, XMP, IPTC, Photoshop's resources, colour profile; a unit of each is a byte."""


def _boxes(data: bytes) -> Iterator[Part]:
    for kind, start, _, end in boxes(data):
        yield ("text" if kind in _TEXTS else "other"), end - start


_TEXTS = {b"Exif", b"xml ", b"brob", b"uuid", b"jumb", b"meta"}
"""Boxes of metadata."""


_WALKS: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
    "gif": _gif,
    "tiff": _tiff,
    "avif": _boxes,
    "heic": _boxes,
    "jxl": _boxes,
    "jp2": _boxes,
}
