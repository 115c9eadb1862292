"""JPEG of 12 bits a sample, gray, as scanners and microscopes write it: by the libtiff within Pillow.

libjpeg-turbo 3 can, but of all that ask it here (libvips has mozjpeg) only libtiff asks for it, of a JPEG
within a TIFF: a header of 122 bytes makes it one. Pillow has no mode for 12 bits of colour.
"""

import io
import struct

import numpy as np
import pyvips
from PIL import TiffImagePlugin

from rayjobs.codec.truncation import is_cut, unreadable
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import from_array

_BITS = 12
_SHORT, _LONG = 3, 4
_JPEG, _BLACK_IS_ZERO = 7, 1
_FIRST_IFD = 8
_ENTRY = struct.Struct("<HHII")


def decode(data: bytes, size: Size) -> pyvips.Image:
    """Decode into uint8, b-w: the upper 8 bits.

    Args:
        data: A JPEG file of 12 bits and one component.
        size: Its own, in px.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is broken, or this Pillow's libtiff can't after all.
    """
    if is_cut(data, "jpeg"):
        raise unreadable(data, "jpeg", "libtiff would fill it up")
    try:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(_as_tiff(data, size))) as picture:
            return from_array((np.asarray(picture) >> _BITS - 8).astype(np.uint8)[..., None])
    except MemoryError:
        raise
    except Exception as error:
        reason = f"{_BITS} bits a sample, {type(error).__name__}: {error}"
        raise unreadable(data, "jpeg", reason) from error


def _as_tiff(data: bytes, size: Size) -> bytes:
    """Return a TIFF of one strip that is the JPEG. Source: TIFF 6.0, section 2; its Technical Note 2."""
    width, height = size
    tags = [
        (TiffImagePlugin.IMAGEWIDTH, _LONG, width),
        (TiffImagePlugin.IMAGELENGTH, _LONG, height),
        (TiffImagePlugin.BITSPERSAMPLE, _SHORT, _BITS),
        (TiffImagePlugin.COMPRESSION, _SHORT, _JPEG),
        (TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, _SHORT, _BLACK_IS_ZERO),
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
