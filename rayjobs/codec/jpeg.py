"""JPEG by libjpeg-turbo: simplejpeg, which only this module uses, decodes, Pillow encodes. The hot path.

The decoder scales while it decodes: the DCT gives 1/2, 1/4 and 1/8 nearly for free. So a thumbnail of 12
megapixels takes 24 ms instead of 55.
"""

import io

import pyvips
import simplejpeg
from PIL import JpegImagePlugin

from rayjobs.codec.truncation import unreadable
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import from_array, to_pillow

# Imported here: at the first picture Pillow would search the disk for this plugin and all the others.
_NAME = JpegImagePlugin.JpegImageFile.format

_MARGIN = 1.9
"""Least ratio of a scaled decode to the wanted size. Against a full decode with Lanczos, the worst photograph
has 34 dB at 1.0 and 43 dB at 1.92, where the median is 52 dB. A larger margin decodes four times the pixels
without gain."""

_SHIFT = 0.1
"""Largest shift of the last pixel, in px of the wanted size. A side of 1922 px has 241 px at 1/8, and three
quarters of the last one are padding: stretched over the result, the padding cost a photograph 20 dB.
"""

_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "GRAY"}
"""Colour space of the file: that of the decoded pixels. libvips decodes the others (CMYK, YCCK)."""

_HARMLESS = (
    "extraneous bytes",
    "Unknown Adobe color",
    "unknown JFIF revision",
    "Invalid SOS parameters",
    "bad ICC marker",
    "Could not determine subsampling",
)
"""Parts of libjpeg's warnings about oddities (padding, wrong labels, a damaged profile) that every viewer
ignores, and of TurboJPEG's about a subsampling without a name.

simplejpeg either stops at every warning or accepts even half a picture. libvips distinguishes the two, so
such a file goes to libvips.
"""


def mode_of(data: bytes) -> str | None:
    """Return the colour space to decode to; None if libvips must decode the file.

    Raises:
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header is invalid.
    """
    try:
        return _MODES.get(simplejpeg.decode_jpeg_header(data)[2])
    except KeyError:
        # TurboJPEG decodes 4:4:1, but simplejpeg has no name for it.
        return None
    except ValueError as error:
        if _is_harmless(error):
            return None
        raise unreadable(data, "jpeg", str(error)) from error


def divisor(size: Size, wanted: Size | None) -> int:
    """Return the factor by which a decode may scale down: 1, 2, 4 or 8.

    Args:
        size: Of the stored picture, in px.
        wanted: Size in px to which the picture is scaled next; None to decode every pixel.
    """
    if wanted is None:
        return 1
    sides = list(zip(size, wanted, strict=True))
    return max(by for by in (1, 2, 4, 8) if all(_is_faithful(side, least, by) for side, least in sides))


def _is_faithful(side: int, wanted: int, by: int) -> bool:
    """Return whether a scaled decode keeps the margin, and its last pixel near enough to its place."""
    exact = side / by
    return by == 1 or (exact >= wanted * _MARGIN and abs(round(exact) - exact) * wanted / exact <= _SHIFT)


def decode(data: bytes, mode: str, size: Size, by: int = 1) -> pyvips.Image | None:
    """Decode, and scale down in the inverse DCT.

    Args:
        data: The file.
        mode: From `mode_of`.
        size: Of the stored picture, in px.
        by: From `divisor`; ignored for 12 bits a sample.

    Returns:
        uint8, sRGB or b-w, over the decoder's buffer without a copy; None if libvips must decode the file.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged.
    """
    # The exact size for one of our divisors, so that the decoder chooses that one: its others (5/8, ...) are
    # slow and never exact.
    sides = {"min_width": -(-size[0] // by), "min_height": -(-size[1] // by)} if by > 1 else {}
    try:
        image = from_array(simplejpeg.decode_jpeg(data, colorspace=mode, **sides))
    except ValueError as error:
        if _is_harmless(error):
            return None
        if mode == "GRAY" and "data precision 12" in str(error):
            from rayjobs.codec import twelve_bit_jpeg

            return twelve_bit_jpeg.decode(data, size)
        raise unreadable(data, "jpeg", str(error)) from error
    width, height = max(1, round(size[0] / by)), max(1, round(size[1] / by))
    return image if (image.width, image.height) == (width, height) else image.crop(0, 0, width, height)


def _is_harmless(error: ValueError) -> bool:
    return any(warning in str(error) for warning in _HARMLESS)


def encode(image: pyvips.Image, quality: int, chroma: str) -> bytes:
    """Encode an opaque picture.

    Pillow encodes, because simplejpeg can't select libjpeg's exact DCT below a quality of 96. The fast DCT
    saves 0.12 of 0.5 ms for a thumbnail, and costs a photograph 0.1 dB at 85 and 0.5 dB at 95.

    Args:
        image: uint8, 1 or 3 bands.
        quality: 1 to 100, libjpeg's scale.
        chroma: "420" or "444"; ignored for gray.

    Raises:
        EncodeFailedError: libjpeg-turbo refused the picture.
    """
    file = io.BytesIO()
    try:
        # In Pillow 0 means 4:4:4, and 2 means 4:2:0.
        to_pillow(image).save(file, _NAME, quality=quality, subsampling=0 if chroma == "444" else 2)
    except (OSError, ValueError) as error:
        raise EncodeFailedError(f"the picture can't be written as jpeg: {error}") from error
    return file.getvalue()
