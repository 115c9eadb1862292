"""What a file's header says of its picture, read without decoding a pixel."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyvips

from rayjobs.codec import bitmap, heif, icon, jxl, pillow
from rayjobs.codec.colour import is_gray
from rayjobs.codec.colour_signalling import SIGNALLING, profile_signalled
from rayjobs.codec.formats import FORMATS, Format, Reader, recognise
from rayjobs.codec.frames import ANIMATED, up_to, webp_without_metadata
from rayjobs.codec.limits import Limits
from rayjobs.codec.metadata import PROFILE, Metadata, metadata_of, profile_of, stand_in, with_exif_of_tiff
from rayjobs.codec.options import Reading
from rayjobs.codec.structure import check_structure, has_whole_profile
from rayjobs.codec.tiff_layout import Layout, layout_of, reader_of
from rayjobs.codec.truncation import is_cut, unreadable
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
    signalled: bytes | None = None
    """A profile of what the file says of its colours, where that holds and no ICC profile does."""
    layout: Layout | None = None
    """Of a TIFF whose samples are for `sample_formats` to read."""
    inner: tuple[str, bytes] | None = None
    """What is decoded in the file's place: a format's name, and a file of it."""

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
        """The profile of the colours; of a JPEG XL only known once it is decoded."""
        return self.signalled or profile_of(self.lazy)

    @cached_property
    def metadata(self) -> Metadata:
        """EXIF, XMP and IPTC."""
        return metadata_of(self.lazy)


def read_header(
    data: bytes,
    limits: Limits,
    reading: Reading | None = None,
    *,
    lenient: bool = False,
    moving: bool = False,
) -> Header:
    """Return the header of the picture in `data`, if it keeps the limits.

    Args:
        data: The file.
        limits: Bounds of what it may declare.
        reading: Which page, and what becomes of colours.
        lenient: Of a file that was cut, take what there is.
        moving: Each frame of an animation is going to be decoded; else one alone counts for the limits.

    Raises:
        UnsupportedFormatError: The first bytes belong to no format that can be read, or nobody has the right
            pixels of such a TIFF.
        SourceTooLargeError, TooManyFramesError, TooManyPixelsError: Beyond a limit.
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header makes no sense, or there is no such page.
    """
    limits.check_bytes(len(data))
    found = recognise(data)
    moving = moving and found.name in ANIMATED
    frames = check_structure(data, found, limits, moving=moving)
    part = None
    if frames > limits.max_frames and not moving:
        part = up_to(data, found.name, (reading or Reading()).page)
    if found.reader == "icon" and isinstance(picture := icon.opened(data, found.name), icon.Png):
        check_structure(picture.data, FORMATS["png"], limits)
    header = _opened(part or data, found, reading or Reading(), frames=frames, lenient=lenient)
    if part is not None:
        header = replace(header, frames=frames, inner=(found.name, part))
    limits.check_picture(header.width, header.height, header.frames if moving else 1)
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
    "bitmap": bitmap.opened,
    "icon": icon.opened,
}


def _opened(data: bytes, found: Format, reading: Reading, *, frames: int, lenient: bool) -> Header:
    if found.reader == "libvips":
        header = _by_libvips(data, found, reading, frames=frames, lenient=lenient)
    else:
        _check_page(reading.page, 1, found)
        lazy = _OPENERS[found.reader](data, found.name)
        if isinstance(lazy, icon.Png):
            # A picture as any other, whose own head counts, not the icon's.
            inner = _opened(lazy.data, FORMATS["png"], reading, frames=0, lenient=lenient)
            return replace(inner, format=found, inner=("png", lazy.data))
        width, height = lazy.size
        header = Header(found, width, height, 1, 1, lazy, reading, lenient)
    if found.name not in SIGNALLING:
        return header
    told = profile_signalled(
        data, found.name, has_profile=header.profile is not None, gray=is_gray(header.lazy)
    )
    return replace(header, signalled=told) if told else header


def _by_libvips(data: bytes, found: Format, reading: Reading, *, frames: int, lenient: bool) -> Header:
    layout = layout_of(data, reading.page) if found.name == "tiff" else None
    # What libvips makes of samples that are not on the list is not asked.
    if layout is not None and reader_of(layout) == "sample_formats":
        return _by_samples(data, found, reading, layout, frames=frames, lenient=lenient)
    try:
        lazy, inner = _opened_somehow(data, found.name, lenient=lenient)
        frames = _number(lazy, "n-pages", 1)
        _check_page(reading.page, frames, found)
        if reading.page:
            lazy, inner = _opened_somehow(data, found.name, lenient=lenient, page=reading.page)
        if found.name == "tiff":
            lazy = with_exif_of_tiff(lazy, data)
        if found.name == "jpeg" and lazy.get_typeof(PROFILE) and not has_whole_profile(data):
            lazy = lazy.copy()
            lazy.remove(PROFILE)
        # libheif turns the picture by itself, whatever the EXIF says. Source: ISO/IEC 23008-12, 6.5.10.
        turn = 1 if found.name == "avif" else _number(lazy, "orientation", 1)
    except pyvips.Error as error:
        raise unreadable(data, found.name, str(error)) from error
    turn = turn if turn in range(1, 9) else 1
    return Header(found, lazy.width, lazy.height, frames, turn, lazy, reading, lenient, inner=inner)


def _opened_somehow(
    data: bytes, name: str, *, lenient: bool, **options: object
) -> tuple[pyvips.Image, tuple[str, bytes] | None]:
    """Open a file; if what stands beside its picture is in the way, without it: then tell what was opened."""
    try:
        return open_lazily(data, name, lenient=lenient, **options), None
    except pyvips.Error:
        if name != "webp" or is_cut(data, name):
            raise
        bare = webp_without_metadata(data)
        return open_lazily(bare, name, lenient=lenient, **options), (name, bare)


def _by_samples(
    data: bytes, found: Format, reading: Reading, layout: Layout, *, frames: int, lenient: bool
) -> Header:
    """Return the header of a TIFF that libvips can't open, or would misread."""
    width, height = layout.size
    if not width or not height:
        raise unreadable(data, found.name, f"a picture of {width} x {height} px")
    lazy = with_exif_of_tiff(stand_in(layout), data)
    turn = layout.number(274, 1)
    turn = turn if turn in range(1, 9) else 1
    return Header(found, width, height, frames, turn, lazy, reading, lenient, layout=layout)


def _number(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) else default


def _check_page(page: int, pages: int, found: Format) -> None:
    pages = pages if found.name in _PAGED else 1
    if page >= pages:
        detail = f"page {page} was asked for, counted from 0, the {found.name} file has {pages}"
        raise DecodeFailedError(detail, limit=pages - 1, actual=page)
