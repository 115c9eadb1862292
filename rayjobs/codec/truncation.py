"""Telling a file that was cut, and can be sent again, from one that is broken."""

import re
from collections.abc import Callable

from rayjobs.codec.boxes import boxes
from rayjobs.errors import DecodeFailedError, ItemError, TruncatedError, UnsupportedFormatError

_LONGEST_REASON = 200
"""Characters of a decoder's own words in an error; some repeat one line for each strip of a picture."""


_DEPTH = re.compile(r"data precision (12|16)\b")
"""libjpeg's words for a depth that it was not asked for; the others that it may name are damage."""


def unreadable(data: bytes, name: str, reason: str) -> ItemError:
    """Return the error for a file that its decoder refused.

    Args:
        data: The file.
        name: Its format's name.
        reason: What the decoder said.
    """
    said = " ".join(reason.split())[:_LONGEST_REASON]
    if found := _DEPTH.search(said):
        detail = (
            f"the {name} file has {found[1]} bits a sample; read are 8, and 12 of gray up to 64 megapixels: "
            "save it with 8 bits, or as a PNG or TIFF of 16"
        )
        return UnsupportedFormatError(detail, limit=8, actual=int(found[1]))
    if "Fractional sampling" in said:
        detail = (
            f"the {name} file's colours are sampled in a way that libjpeg has not: save it as 4:2:0 or 4:4:4"
        )
        return UnsupportedFormatError(detail)
    if is_cut(data, name, said):
        return TruncatedError(
            f"the {name} file ends before its picture does, after {len(data):,} bytes ({said})"
        )
    return DecodeFailedError(f"the {name} file can't be decoded: {said}")


def is_cut(data: bytes, name: str, said: str = "") -> bool:
    """Say whether a file ends before its picture does, by itself or by its decoder's words."""
    lacks_end = _LACKS_END.get(name)
    return lacks_end(data) if lacks_end else any(word in said.lower() for word in _WORDS_OF_A_CUT)


def _riff_is_short(data: bytes) -> bool:
    # RIFF counts what follows its first 8 bytes. Source: RFC 9649, section 2.4.
    return len(data) < 8 + int.from_bytes(data[4:8], "little")


def _bmp_is_short(data: bytes) -> bool:
    # The file's size stands at offset 2. Source: Microsoft, BITMAPFILEHEADER.
    return len(data) < int.from_bytes(data[2:6], "little")


def _boxes_are_short(data: bytes) -> bool:
    # The last of the boxes tells where the file should end.
    *_, end = (0, *(end for _, _, _, end in boxes(data)))
    return end != len(data)


def _jp2_is_short(data: bytes) -> bool:
    # The end of a codestream; its packets can't hold these bytes. Source: ITU-T T.800, annex A.2.
    return b"\xff\xd9" not in data[-4096:]


_LACKS_END: dict[str, Callable[[bytes], bool]] = {
    # Cameras pad behind the end marker, and write thumbnails with one of their own before: look at the tail.
    "jpeg": lambda data: b"\xff\xd9" not in data[-4096:],
    "png": lambda data: b"IEND\xaeB`\x82" not in data[-4096:],
    "webp": _riff_is_short,
    "gif": lambda data: not data.rstrip(b"\0").endswith(b"\x3b"),
    "bmp": _bmp_is_short,
    "avif": _boxes_are_short,
    "heic": _boxes_are_short,
    "jp2": _jp2_is_short,
}
"""Format: does the file lack the end that every whole one has. TIFF has none, its offsets point anywhere;
a bare JPEG XL has none that could be found."""

_WORDS_OF_A_CUT = (
    "read error",
    "not enough data",
    "truncated",
    "out of bounds",
    "premature",
    "beyond",
    "eof",
    "short",
)
"""What libtiff says of a file that ends too early."""
