"""The formats that can be read or written, as data."""

from dataclasses import dataclass, replace
from typing import Literal

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
    summary: str
    """What a user should know of it, one sentence."""
    options: tuple[str, ...] | None = None
    """Fields of `Encoding` that mean something to it; None if it is only read."""

    @property
    def writes(self) -> bool:
        """Pictures can be written in it."""
        return self.options is not None


_JPEG = Format(
    "jpeg",
    "jpg",
    "image/jpeg",
    ((0, b"\xff\xd8\xff"),),
    "Alpha is flattened on white.",
    ("quality", "chroma"),
)
_PNG = Format(
    "png", "png", "image/png", ((0, b"\x89PNG\r\n\x1a\n"),), "Lossless; 16 bits become 8.", ("compression",)
)
_WEBP = Format(
    "webp", "webp", "image/webp", ((0, b"RIFF"), (8, b"WEBP")), "Sides up to 16383 px.", ("quality", "effort")
)
_GIF = Format("gif", "gif", "image/gif", ((0, b"GIF8"),), "The first frame is read.")
_TIFF = Format("tiff", "tif", "image/tiff", ((0, b"II*\0"),), "The first page is read.")
_BMP = Format("bmp", "bmp", "image/bmp", ((0, b"BM"), (6, b"\0\0\0\0")), "Decoded by Pillow.")

_BIG_ENDIAN_TIFF = replace(_TIFF, magic=((0, b"MM\0*"),))
_BIG_TIFFS = replace(_TIFF, magic=((0, b"II+\0"),)), replace(_TIFF, magic=((0, b"MM\0+"),))

_READ = (_JPEG, _PNG, _WEBP, _GIF, _TIFF, _BIG_ENDIAN_TIFF, *_BIG_TIFFS, _BMP)

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
