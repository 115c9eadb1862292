"""What a file's header says of its picture, read without decoding a pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyvips

from rayjobs.codec import heif, jxl, pillow
from rayjobs.codec.formats import Format, Reader, recognise
from rayjobs.codec.limits import Limits
from rayjobs.codec.metadata import Metadata, metadata_of, profile_of, with_exif_of_tiff
from rayjobs.codec.options import Reading
from rayjobs.codec.structure import check_structure
from rayjobs.codec.truncation import unreadable
from rayjobs.errors import DecodeFailedError

_TURNS_SIDEWAYS = 5
"""EXIF orientations from here on swap width and height. Source: CIPA DC-008 (Exif 2.32), table 6."""

_PAGED = {"gif", "tiff", "webp"}
"""Formats whose loaders take a page's number."""


@dataclass(frozen=True)
class Header:
    """A picture's properties, as stored: before any orientation."""

    format: Format
    width: int
    height: int
    frames: int
    orientation: int
    """EXIF, 1 to 8; 1 is upright, and what decoders say that turn pictures by themselves."""
    lazy: Any
    """The picture as its reader opened it; its pixels are not decoded yet."""
    reading: Reading
    is_lenient: bool = False
    """Of a cut file, what there is will do."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, in px."""
        return self.width, self.height

    @property
    def is_sideways(self) -> bool:
        """Upright, width and height are swapped."""
        return self.orientation >= _TURNS_SIDEWAYS

    @property
    def profile(self) -> bytes | None:
        """The embedded ICC profile; of a JPEG XL only known once it is decoded."""
        return profile_of(self.lazy)

    @cached_property
    def metadata(self) -> Metadata:
        """EXIF, XMP and IPTC."""
        return metadata_of(self.lazy)


def read_header(
    data: bytes, limits: Limits, reading: Reading | None = None, *, lenient: bool = False
) -> Header:
    """Return the header of the picture in `data`, if it keeps the limits.

    Args:
        data: The file.
        limits: Bounds of what it may declare.
        reading: Which page, and what becomes of colours.
        lenient: Of a file that was cut, take what there is.

    Raises:
        UnsupportedFormatError: The first bytes belong to no format that can be read.
        SourceTooLargeError, TooManyFramesError, TooManyPixelsError: Beyond a limit.
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header makes no sense, or there is no such page.
    """
    limits.check_bytes(len(data))
    found = recognise(data)
    check_structure(data, found, limits)
    header = _opened(data, found, reading or Reading(), lenient=lenient)
    limits.check_picture(header.width, header.height, header.frames)
    limits.check_profile(len(header.profile or b""))
    limits.check_metadata(header.metadata.size)
    return header


def open_lazily(data: bytes, name: str, *, lenient: bool = False, **options: object) -> pyvips.Image:
    """Open the picture by the loader of its format, never by one that libvips picks."""
    # fail_on: a decoder's warning (a bad checksum, an odd chunk) is no reason to lose a picture, a cut
    # file is.
    load = getattr(pyvips.Image, f"{_LOADERS.get(name, name)}load_source")
    # As a source, not a buffer: pyvips would copy the whole file, here and again when it is decoded (of a PNG
    # of 48 MP and 96 MiB, 262 instead of 438 MiB at the peak).
    source = pyvips.Source.new_from_memory(data)
    image = load(source, fail_on="none" if lenient else "error", **options)
    # What is read later needs the file: kept alive as pyvips does it, which forgets it for loads by name.
    image._references.append(source)  # noqa: SLF001 - it has no other way
    return image


_LOADERS = {"avif": "heif"}
"""Formats that libvips's loader has another name for."""


_OPENERS: dict[Reader, Callable[[bytes, str], Any]] = {
    "pillow": pillow.opened,
    "heif": heif.opened,
    "jxl": jxl.opened,
}


def _opened(data: bytes, found: Format, reading: Reading, *, lenient: bool) -> Header:
    if found.reader == "libvips":
        return _by_libvips(data, found, reading, lenient=lenient)
    _check_page(reading.page, 1, found)
    lazy = _OPENERS[found.reader](data, found.name)
    width, height = lazy.size
    return Header(found, width, height, 1, 1, lazy, reading, lenient)


def _by_libvips(data: bytes, found: Format, reading: Reading, *, lenient: bool) -> Header:
    try:
        lazy = open_lazily(data, found.name, lenient=lenient)
        frames = _number(lazy, "n-pages", 1)
        _check_page(reading.page, frames, found)
        if reading.page:
            lazy = open_lazily(data, found.name, lenient=lenient, page=reading.page)
        if found.name == "tiff":
            lazy = with_exif_of_tiff(lazy, data)
        # libheif turns the picture by itself, whatever the EXIF says. Source: ISO/IEC 23008-12, 6.5.10.
        turn = 1 if found.name == "avif" else _number(lazy, "orientation", 1)
    except pyvips.Error as error:
        raise unreadable(data, found.name, str(error)) from error
    turn = turn if turn in range(1, 9) else 1
    return Header(found, lazy.width, lazy.height, frames, turn, lazy, reading, lenient)


def _number(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) else default


def _check_page(page: int, pages: int, found: Format) -> None:
    pages = pages if found.name in _PAGED else 1
    if page >= pages:
        detail = f"page {page} was asked for, counted from 0, the {found.name} file has {pages}"
        raise DecodeFailedError(detail, limit=pages - 1, actual=page)
