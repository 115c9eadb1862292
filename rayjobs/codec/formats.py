"""The formats that can be read or written, as data."""

from dataclasses import dataclass
from typing import Any, Literal

from rayjobs.errors import UnsupportedFormatError


@dataclass(frozen=True)
class Format:
    """One file format."""

    name: str
    extension: str
    """Of files that we write, without the dot."""
    media_type: str
    magic: tuple[tuple[int, bytes], ...]
    """Offset and bytes, all of which a file of this format has; alternatives are entries of their own."""
    writes: bool
    note: str
    """What a user should know of it, one sentence."""


_READ: tuple[Format, ...] = (
    Format(
        "jpeg", "jpg", "image/jpeg", ((0, b"\xff\xd8\xff"),), writes=True, note="Alpha is flattened on white."
    ),
    Format(
        "png",
        "png",
        "image/png",
        ((0, b"\x89PNG\r\n\x1a\n"),),
        writes=True,
        note="Lossless; 16 bits become 8.",
    ),
    Format(
        "webp", "webp", "image/webp", ((0, b"RIFF"), (8, b"WEBP")), writes=True, note="Sides up to 16383 px."
    ),
    Format("gif", "gif", "image/gif", ((0, b"GIF87a"),), writes=False, note="The first frame is read."),
    Format("gif", "gif", "image/gif", ((0, b"GIF89a"),), writes=False, note="The first frame is read."),
    Format("tiff", "tif", "image/tiff", ((0, b"II*\0"),), writes=False, note="The first page is read."),
    Format("tiff", "tif", "image/tiff", ((0, b"MM\0*"),), writes=False, note="The first page is read."),
    Format("tiff", "tif", "image/tiff", ((0, b"II+\0"),), writes=False, note="The first page is read."),
    Format("tiff", "tif", "image/tiff", ((0, b"MM\0+"),), writes=False, note="The first page is read."),
    Format(
        "bmp", "bmp", "image/bmp", ((0, b"BM"), (6, b"\0\0\0\0")), writes=False, note="Decoded by Pillow."
    ),
)

FORMATS: dict[str, Format] = {each.name: each for each in _READ}
"""Every format by its name; all can be read."""

WRITABLE = tuple(name for name, each in FORMATS.items() if each.writes)

OutputFormat = Literal["jpeg", "png", "webp"]
"""The names in `WRITABLE`, as a type."""


def recognise(data: bytes) -> Format:
    """Return the format whose magic bytes stand at the file's start; its name is never asked.

    Raises:
        UnsupportedFormatError: The file is empty, or begins like none of the formats.
    """
    if not data:
        raise UnsupportedFormatError("the file is empty", limit=", ".join(FORMATS))
    for each in _READ:
        if all(data[at : at + len(magic)] == magic for at, magic in each.magic):
            return each
    start = bytes(data[:8])
    detail = f"the file begins with {start!r}, like no format that can be read: {', '.join(FORMATS)}"
    raise UnsupportedFormatError(detail, limit=", ".join(FORMATS), actual=start.hex(" "))


def describe_formats() -> list[dict[str, Any]]:
    """Return name, extension, media type and directions of each format, for `GET /formats`."""
    return [
        {
            "name": each.name,
            "extension": each.extension,
            "media_type": each.media_type,
            "reads": True,
            "writes": each.writes,
            "note": each.note,
        }
        for each in FORMATS.values()
    ]
