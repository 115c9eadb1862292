"""WebP by Pillow, whose build of libwebp is quicker than that of libvips's wheel; the bytes are the same."""

import io

import pyvips
from PIL import WebPImagePlugin

from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import to_pillow

# Imported here: on the first picture Pillow would look for it, and for all the others, on the disk.
_NAME = WebPImagePlugin.WebPImageFile.format


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
