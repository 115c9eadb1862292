"""What a file's header says of its picture, read without decoding a pixel."""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyvips
from PIL import Image as PillowImage

from rayjobs.codec.formats import Format, recognise
from rayjobs.codec.limits import Limits
from rayjobs.codec.truncation import unreadable

# `Limits` takes its place; Pillow's own would warn, or refuse, at a number that no setting names.
PillowImage.MAX_IMAGE_PIXELS = None

_TURNS_SIDEWAYS = 5
"""EXIF orientations from here on swap width and height. Source: CIPA DC-008 (Exif 2.32), table 6."""


@dataclass(frozen=True)
class Header:
    """A picture's properties, as stored: before any orientation."""

    format: Format
    width: int
    height: int
    frames: int
    orientation: int
    """EXIF, 1 to 8; 1 is upright."""
    lazy: Any
    """The picture as libvips or Pillow opened it; its pixels are not decoded yet."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, in px."""
        return self.width, self.height

    @property
    def is_sideways(self) -> bool:
        """Upright, width and height are swapped."""
        return self.orientation >= _TURNS_SIDEWAYS

    @cached_property
    def profile(self) -> bytes | None:
        """The embedded ICC profile."""
        if not isinstance(self.lazy, pyvips.Image):
            return None
        return self.lazy.get("icc-profile-data") if self.lazy.get_typeof("icc-profile-data") else None


def read_header(data: bytes, limits: Limits) -> Header:
    """Return the header of the picture in `data`, if it keeps the limits.

    Raises:
        UnsupportedFormatError: The first bytes belong to no format that can be read.
        SourceTooLargeError, TooManyFramesError, TooManyPixelsError: Beyond a limit.
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header makes no sense.
    """
    limits.check_bytes(len(data))
    found = recognise(data)
    header = _by_pillow(data, found) if found.name == "bmp" else _by_libvips(data, found)
    limits.check_picture(header.width, header.height, header.frames)
    return header


def open_lazily(data: bytes, name: str, **options: object) -> pyvips.Image:
    """Open the picture by the loader of its format, never by one that libvips picks."""
    # fail_on: a decoder's warning (a bad checksum, an odd chunk) is no reason to lose a picture, a cut
    # file is.
    return getattr(pyvips.Image, f"{name}load_buffer")(data, fail_on="error", **options)


def _by_libvips(data: bytes, found: Format) -> Header:
    try:
        lazy = open_lazily(data, found.name)
        frames = lazy.get("n-pages") if lazy.get_typeof("n-pages") else 1
        turn = lazy.get("orientation") if lazy.get_typeof("orientation") else 1
    except pyvips.Error as error:
        raise unreadable(data, found.name, str(error)) from error
    return Header(found, lazy.width, lazy.height, frames, turn if turn in range(1, 9) else 1, lazy)


def _by_pillow(data: bytes, found: Format) -> Header:
    try:
        lazy = PillowImage.open(io.BytesIO(data), formats=[found.name.upper()])
    except (OSError, ValueError, SyntaxError) as error:
        raise unreadable(data, found.name, str(error)) from error
    return Header(found, lazy.width, lazy.height, 1, 1, lazy)
