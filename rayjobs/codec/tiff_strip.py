"""Strips of a TIFF: wraps one in a TIFF of its own, for Pillow's libtiff, and unpacks its numbers."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import TiffImagePlugin

from rayjobs.codec.tiff_layout import BLACK_IS_ZERO

_SHORT, _LONG = 3, 4
_FIRST_IFD = 8
_ENTRY = struct.Struct("<HHII")

Numbers = npt.NDArray[Any]
"""Numbers as stored, (H, W, bands)."""


def as_tiff(data: bytes, size: tuple[int, int], bits: int, compression: int) -> bytes:
    """Return a TIFF of one strip of gray, unsigned samples. Source: TIFF 6.0, section 2."""
    width, height = size
    tags = [
        (TiffImagePlugin.IMAGEWIDTH, _LONG, width),
        (TiffImagePlugin.IMAGELENGTH, _LONG, height),
        (TiffImagePlugin.BITSPERSAMPLE, _SHORT, bits),
        (TiffImagePlugin.COMPRESSION, _SHORT, compression),
        (TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, _SHORT, BLACK_IS_ZERO),
        (TiffImagePlugin.STRIPOFFSETS, _LONG, 0),
        (TiffImagePlugin.SAMPLESPERPIXEL, _SHORT, 1),
        (TiffImagePlugin.ROWSPERSTRIP, _LONG, height),
        (TiffImagePlugin.STRIPBYTECOUNTS, _LONG, len(data)),
    ]
    start = _FIRST_IFD + 2 + _ENTRY.size * len(tags) + 4
    entries = (
        _ENTRY.pack(tag, kind, 1, start if tag == TiffImagePlugin.STRIPOFFSETS else value)
        for tag, kind, value in tags
    )
    head = struct.pack("<2sHIH", b"II", 42, _FIRST_IFD, len(tags))
    return b"".join((head, *entries, bytes(4), data))


def unpacked_bits(raw: bytes, shape: tuple[int, int, int], bits: int, mark: str) -> Numbers:
    """Unpack numbers of any bits, highest bit first; numbers of whole bytes have the file's byte order."""
    rows, width, bands = shape
    table = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    if bits % 8 == 0:
        size = bits // 8
        single = table.reshape(rows, width * bands, size).astype(np.uint32)
        single = single[..., ::-1] if mark == "<" else single
        weights = np.uint32(256) ** np.arange(size - 1, -1, -1, dtype=np.uint32)
        return np.asarray((single * weights).sum(axis=2, dtype=np.uint32)).reshape(shape)
    numbers = np.empty((rows, width * bands), np.uint16)
    weights = 2 ** np.arange(bits - 1, -1, -1, dtype=np.uint16)
    for row in range(rows):
        each = np.unpackbits(table[row], count=width * bands * bits).reshape(-1, bits)
        numbers[row] = each @ weights
    return numbers.reshape(shape)


def unpredicted_floats(raw: bytes, shape: tuple[int, int, int], size: int) -> Numbers:
    """Undo the floating point predictor: it stores byte differences, and all highest bytes of a row first.

    Source: Adobe, TIFF Technical Note 3.
    """
    rows, width, bands = shape
    table = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    summed = np.cumsum(table.reshape(rows, -1, bands), axis=1, dtype=np.uint8)
    planes = summed.reshape(rows, size, width * bands).transpose(0, 2, 1)
    return np.ascontiguousarray(planes).view(f">f{size}").reshape(shape)
