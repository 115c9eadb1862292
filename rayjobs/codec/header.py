"""The properties of a picture, read from its file without decoding a pixel."""

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
from rayjobs.codec.metadata import PROFILE, Metadata, metadata_of, placeholder, profile_of, with_exif_of_tiff
from rayjobs.codec.options import Reading
from rayjobs.codec.structure import check_structure, has_whole_profile
from rayjobs.codec.tiff_layout import Layout, layout_of, reader_of
from rayjobs.codec.truncation import is_cut, unreadable
from rayjobs.errors import DecodeFailedError

_TURNS_SIDEWAYS = 5
"""EXIF orientations from here on swap width and height. Source: CIPA DC-008 (Exif 2.32), table 6."""

_PAGED = {"gif", "tiff", "webp"}
"""Formats whose loaders accept the number of a page."""


@dataclass(frozen=True)
class Header:
    """The properties of a picture as stored, before it is turned upright."""

    format: Format
    width: int
    height: int
    frames: int
    orientation: int
    """EXIF, 1 to 8; 1 is upright. It is also 1 where the decoder itself turns the picture."""
    lazy: Any
    """The picture as its decoder opened it; no pixel is decoded yet."""
    reading: Reading
    is_lenient: bool = False
    """Whether the rows that a cut file has are enough."""
    signalled: bytes | None = None
    """A profile built from the file's colour signalling, where that has precedence over an ICC profile."""
    layout: Layout | None = None
    """The layout of a TIFF that `sample_formats` decodes; else None."""
    inner: tuple[str, bytes] | None = None
    """The format's name and the bytes of the file that is decoded instead of the source; else None."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, before any turn."""
        return self.width, self.height

    @property
    def is_sideways(self) -> bool:
        """Whether turning upright swaps width and height."""
        return self.orientation >= _TURNS_SIDEWAYS

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of the colours; that of a JPEG XL is known only after its decoding."""
        return self.signalled or profile_of(self.lazy)

    @cached_property
    def metadata(self) -> Metadata:
        """EXIF, XMP and IPTC of the source."""
        return metadata_of(self.lazy)


def read_header(
    data: bytes,
    limits: Limits,
    reading: Reading | None = None,
    *,
    lenient: bool = False,
    moving: bool = False,
) -> Header:
    """Return the header of the picture in `data`, after a check of the limits.

    Args:
        data: The file.
        limits: The most that the file may declare.
        reading: The page, and the handling of colours; the defaults if None.
        lenient: Whether the rows that a cut file has are enough.
        moving: Whether each frame of an animation is decoded; else one frame counts for the limits.

    Raises:
        UnsupportedFormatError: The first bytes belong to no format, or no reader supports such a TIFF.
        SourceTooLargeError, TooManyFramesError, TooManyPixelsError: The file exceeds a limit.
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header is invalid, or the page does not exist.
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
    """Open the picture by the loader of its format, never by one that libvips chooses."""
    # fail_on: a warning of the decoder (a wrong checksum, an odd chunk) must not lose the picture; a cut file
    # must fail.
    load = getattr(pyvips.Image, f"{_LOADERS.get(name, name)}load_source")
    # A source, not a buffer: pyvips would copy the whole file, here and again at its decoding. The peak for a
    # PNG of 48 MP and 96 MiB falls from 438 to 262 MiB.
    source = pyvips.Source.new_from_memory(data)
    image = load(source, fail_on="none" if lenient else "error", **options)
    # The lazy picture reads the file later, so it must keep the source alive; pyvips does so by this list,
    # but not for loaders that are called by name.
    image._references.append(source)  # noqa: SLF001 - pyvips has no public way
    return image


_LOADERS = {"avif": "heif"}
"""Formats whose loader in libvips has another name."""


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
            # The PNG is read as any other: its own header counts, not the icon's.
            inner = _opened(lazy.data, FORMATS["png"], reading, frames=0, lenient=lenient)
            return replace(inner, format=found, inner=("png", lazy.data))
        width, height = lazy.size
        header = Header(found, width, height, 1, 1, lazy, reading, lenient)
    if found.name not in SIGNALLING:
        return header
    signalled = profile_signalled(
        data, found.name, has_profile=header.profile is not None, gray=is_gray(header.lazy)
    )
    return replace(header, signalled=signalled) if signalled else header


def _by_libvips(data: bytes, found: Format, reading: Reading, *, frames: int, lenient: bool) -> Header:
    layout = layout_of(data, reading.page) if found.name == "tiff" else None
    # libvips would open samples that are not on the allow-list too, with wrong pixels.
    if layout is not None and reader_of(layout) == "sample_formats":
        return _by_samples(data, found, reading, layout, frames=frames, lenient=lenient)
    try:
        lazy, inner = _opened_with_fallback(data, found.name, lenient=lenient)
        frames = _number(lazy, "n-pages", 1)
        _check_page(reading.page, frames, found)
        if reading.page:
            lazy, inner = _opened_with_fallback(data, found.name, lenient=lenient, page=reading.page)
        if found.name == "tiff":
            lazy = with_exif_of_tiff(lazy, data)
        if found.name == "jpeg" and lazy.get_typeof(PROFILE) and not has_whole_profile(data):
            lazy = lazy.copy()
            lazy.remove(PROFILE)
        # libheif turns the picture itself, and ignores the EXIF. Source: ISO/IEC 23008-12, 6.5.10.
        turn = 1 if found.name == "avif" else _number(lazy, "orientation", 1)
    except pyvips.Error as error:
        raise unreadable(data, found.name, str(error)) from error
    turn = turn if turn in range(1, 9) else 1
    return Header(found, lazy.width, lazy.height, frames, turn, lazy, reading, lenient, inner=inner)


def _opened_with_fallback(
    data: bytes, name: str, *, lenient: bool, **options: object
) -> tuple[pyvips.Image, tuple[str, bytes] | None]:
    """Open a file; a WebP with damaged metadata is opened without it, and that file is returned too."""
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
    """Return the header of a TIFF that libvips does not open, or decodes wrongly."""
    width, height = layout.size
    if not width or not height:
        raise unreadable(data, found.name, f"a picture of {width} x {height} px")
    lazy = with_exif_of_tiff(placeholder(layout), data)
    turn = layout.number(274, 1)
    turn = turn if turn in range(1, 9) else 1
    return Header(found, width, height, frames, turn, lazy, reading, lenient, layout=layout)


def _number(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) else default


def _check_page(page: int, pages: int, found: Format) -> None:
    pages = pages if found.name in _PAGED else 1
    if page >= pages:
        detail = f"page {page} was requested, counted from 0, but the {found.name} file has {pages}"
        raise DecodeFailedError(detail, limit=pages - 1, actual=page)
