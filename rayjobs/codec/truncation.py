"""Distinguishes a cut file, which the client can send again, from a damaged one."""

import re
from collections.abc import Callable

from rayjobs.codec.boxes import boxes
from rayjobs.errors import DecodeFailedError, ItemError, TruncatedError, UnsupportedFormatError

_LONGEST_REASON = 200
"""Characters of a decoder's message in an error; some repeat one line for each strip of a picture."""


_DEPTH = re.compile(r"data precision (12|16)\b")
"""libjpeg's message for a depth that it does not decode; other depths in it mean damage."""


def unreadable(data: bytes, name: str, reason: str) -> ItemError:
    """Return the error for a file that its decoder refuses.

    Args:
        data: The file.
        name: Name of the file's format.
        reason: The message of the decoder.
    """
    said = " ".join(reason.split())[:_LONGEST_REASON]
    if found := _DEPTH.search(said):
        detail = (
            f"the {name} file has {found[1]} bits a sample; 8 are read, and 12 for gray up to 64 megapixels: "
            "save it with 8 bits, or as a PNG or TIFF of 16"
        )
        return UnsupportedFormatError(detail, limit=8, actual=int(found[1]))
    if "Fractional sampling" in said:
        detail = (
            f"the {name} file's subsampling is one that libjpeg does not decode: save it as 4:2:0 or 4:4:4"
        )
        return UnsupportedFormatError(detail)
    if is_cut(data, name, said):
        return TruncatedError(
            f"the {name} file ends before its picture does, after {len(data):,} bytes ({said})"
        )
    return DecodeFailedError(f"the {name} file can't be decoded: {said}")


def is_cut(data: bytes, name: str, said: str = "") -> bool:
    """Return whether a file ends before its picture does, by its bytes or by its decoder's message."""
    lacks_end = _LACKS_END.get(name)
    return lacks_end(data) if lacks_end else any(part in said.lower() for part in _MESSAGES_OF_A_CUT)


def _riff_is_short(data: bytes) -> bool:
    # RIFF counts what follows its first 8 bytes. Source: RFC 9649, section 2.4.
    return len(data) < 8 + int.from_bytes(data[4:8], "little")


def _bmp_is_short(data: bytes) -> bool:
    # Offset 2 has the size of the file. Source: Microsoft, BITMAPFILEHEADER.
    return len(data) < int.from_bytes(data[2:6], "little")


def _boxes_are_short(data: bytes) -> bool:
    # The end of the last box is where the file should end.
    *_, end = (0, *(end for _, _, _, end in boxes(data)))
    return end != len(data)


def _jp2_is_short(data: bytes) -> bool:
    # The marker of the end of a codestream; its packets never contain these bytes. Source: ITU-T T.800, annex
    # A.2.
    return b"\xff\xd9" not in data[-4096:]


_LACKS_END: dict[str, Callable[[bytes], bool]] = {
    # Cameras pad after the end marker, and embedded thumbnails have one too, so only the tail is searched.
    "jpeg": lambda data: b"\xff\xd9" not in data[-4096:],
    "png": lambda data: b"IEND\xaeB`\x82" not in data[-4096:],
    "webp": _riff_is_short,
    "gif": lambda data: not data.rstrip(b"\0").endswith(b"\x3b"),
    "bmp": _bmp_is_short,
    "avif": _boxes_are_short,
    "heic": _boxes_are_short,
    "jp2": _jp2_is_short,
}
"""Format: whether the file lacks the end that every whole file has. A TIFF has no end, because its offsets
point anywhere; the end of a bare JPEG XL has no mark."""

_MESSAGES_OF_A_CUT = (
    "read error",
    "not enough data",
    "truncated",
    "out of bounds",
    "premature",
    "beyond",
    "eof",
    "short",
)
"""Parts of libtiff's messages about a file that ends too early."""
