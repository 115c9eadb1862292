"""JPEG of 12 bits a sample, gray, as scanners and microscopes write it: by the libtiff within Pillow.

libjpeg-turbo 3 can, but of all that ask it here (libvips has mozjpeg) only libtiff asks for it, of a JPEG
within a TIFF: a header makes it one. Pillow has no mode for 12 bits of colour.
"""

import io

import numpy as np
import pyvips
from PIL import TiffImagePlugin

from rayjobs.codec.tiff_layout import JPEG
from rayjobs.codec.tiff_strip import as_tiff
from rayjobs.codec.truncation import is_cut, unreadable
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import from_array

_BITS = 12


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
        with TiffImagePlugin.TiffImageFile(io.BytesIO(as_tiff(data, size, _BITS, JPEG))) as picture:
            return from_array((np.asarray(picture) >> _BITS - 8).astype(np.uint8)[..., None])
    except MemoryError:
        raise
    except Exception as error:
        reason = f"{_BITS} bits a sample, {type(error).__name__}: {error}"
        raise unreadable(data, "jpeg", reason) from error
