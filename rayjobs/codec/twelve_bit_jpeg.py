"""Gray JPEG of 12 bits a sample, from scanners and microscopes, decoded by the libtiff within Pillow.

libjpeg-turbo 3 decodes 12 bits. Of the libraries here only libtiff calls it for them, and only for a JPEG
within a TIFF (libvips has mozjpeg). So the JPEG gets the header of a TIFF. Pillow has no mode for colour of
12 bits.
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
        size: Its width and height, in px.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged, or Pillow's libtiff does not decode 12 bits.
    """
    if is_cut(data, "jpeg"):
        raise unreadable(data, "jpeg", "libtiff would fill in the missing rows")
    try:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(as_tiff(data, size, _BITS, JPEG))) as picture:
            return from_array((np.asarray(picture) >> _BITS - 8).astype(np.uint8)[..., None])
    except MemoryError:
        raise
    except Exception as error:
        reason = f"{_BITS} bits a sample, {type(error).__name__}: {error}"
        raise unreadable(data, "jpeg", reason) from error
