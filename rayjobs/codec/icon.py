"""Windows icons: reads the largest picture, which is a PNG or a bitmap with a mask.

Source: Microsoft, "Icons" (1995), ICONDIR; R. Chen, "The evolution of the ICO file format" (2010).
"""

from dataclasses import dataclass, replace

import numpy as np
import pyvips

from rayjobs.codec import bitmap
from rayjobs.codec.bitmap import Bitmap, Numbers
from rayjobs.codec.truncation import unreadable
from rayjobs.filters.pixels import from_array

_ENTRY = 16
_PNG = b"\x89PNG\r\n\x1a\n"
_WIDEST = 256
"""Widest side in px; the file has 0 for it."""


@dataclass(frozen=True)
class Png:
    """A picture of an icon that is a whole PNG file."""

    data: bytes


@dataclass(frozen=True)
class Entry:
    """The directory entry of one picture of an icon."""

    pixels: int
    bits: int
    start: int
    size: int


def largest(data: bytes) -> bytes:
    """Return the bytes of the largest picture; of equal sizes, of the one with most bits a pixel.

    Raises:
        ValueError: The icon has no picture.
    """
    count = int.from_bytes(data[4:6], "little")
    entries = [_entry(data, 6 + number * _ENTRY) for number in range(min(count, (len(data) - 6) // _ENTRY))]
    within = [each for each in entries if 0 < each.start < len(data) and each.size]
    if not within:
        raise ValueError("the icon has no picture")
    chosen = max(within, key=lambda each: (each.pixels, each.bits))
    return data[chosen.start : chosen.start + chosen.size]


def _entry(data: bytes, at: int) -> Entry:
    width, height = (data[at + side] or _WIDEST for side in (0, 1))
    start, size = (int.from_bytes(data[at + field : at + field + 4], "little") for field in (12, 8))
    return Entry(width * height, int.from_bytes(data[at + 6 : at + 8], "little"), start, size)


def opened(data: bytes, name: str) -> Bitmap | Png:
    """Return the largest picture: the header of a bitmap, or a PNG.

    Raises:
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header is invalid.
        UnsupportedFormatError: The compression of the bitmap is not supported.
    """
    try:
        picture = largest(data)
        if picture.startswith(_PNG):
            return Png(picture)
        return replace(bitmap.header_of(picture, 0, None, halves=True), mode="RGBA")
    except ValueError as error:
        raise unreadable(data, name, str(error)) from error


def pixels(picture: Bitmap) -> pyvips.Image:
    """Decode into uint8, RGBA; raises the errors of `array_of`."""
    return from_array(array_of(picture))


def array_of(picture: Bitmap) -> Numbers:
    """Return the pixels, (H, W, 4), with their own alpha, or else with that of the mask.

    Raises:
        TruncatedError: The file has fewer rows than the header declares.
    """
    if picture.bits == 32:  # noqa: PLR2004 - B, G, R and alpha
        picture = replace(picture, masks=(*picture.masks[:3], 0xFF000000))
    colours = bitmap.array_of(picture)
    if colours.shape[2] == 4:  # noqa: PLR2004 - with alpha
        return colours
    start = picture.start + bitmap.stride(picture, picture.bits) * picture.height
    wanted = bitmap.stride(picture, 1) * picture.height
    raw = picture.data[start : start + wanted]
    # Some writers omit the mask: all pixels are opaque.
    rows = np.frombuffer(raw.ljust(wanted, b"\0"), np.uint8).reshape(picture.height, -1)
    hidden = bitmap.indexes(rows if picture.is_upright else rows[::-1], 1, picture.width)
    return np.dstack([colours, np.where(hidden, 0, 255).astype(np.uint8)])
