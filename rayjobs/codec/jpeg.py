"""JPEG by libjpeg-turbo: read by simplejpeg, to which this is the only door, written by Pillow; the hot path.

The decoder scales while it decodes (the DCT gives 1/2, 1/4 and 1/8 nearly for free), so that 12 megapixels
to a thumbnail cost 24 ms instead of 55.
"""

import io

import pyvips
import simplejpeg
from PIL import JpegImagePlugin

from rayjobs.codec.truncation import unreadable
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import from_array, to_pillow

# Imported here: on the first picture Pillow would look for it, and for all the others, on the disk.
_NAME = JpegImagePlugin.JpegImageFile.format

_MARGIN = 1.9
"""Least ratio of a scaled decode to the wanted size. At 1.0 the worst photo fell to 34 dB against a full
decode with Lanczos, at 1.92 to 43 dB, the median to 52 dB; a larger margin decodes four times the pixels
for nothing."""

_SHIFT = 0.1
"""Most px of the wanted size by which the last pixel may be off its place. A side of 1922 px is 241 px at
1/8, the last one three quarters padding: stretched over the result it cost a photograph 20 dB.
"""

_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "GRAY"}
"""Colour space in the file: what to decode to. The others (CMYK, YCCK) are left to libvips."""

_HARMLESS = (
    "extraneous bytes",
    "Unknown Adobe color",
    "unknown JFIF revision",
    "Invalid SOS parameters",
    "bad ICC marker",
    "Could not determine subsampling",
)
"""Words of libjpeg's warnings of oddities (padding, wrong labels, a damaged profile) that every viewer passes
over in silence, and TurboJPEG's of a sampling that it has no name for.

simplejpeg stops at each of them, or else at nothing, not even half a picture: libvips tells one from the
other.
"""


def mode_of(data: bytes) -> str | None:
    """Return the colour space to decode to, None if libvips should do it.

    Raises:
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header makes no sense.
    """
    try:
        return _MODES.get(simplejpeg.decode_jpeg_header(data)[2])
    except KeyError:
        # TurboJPEG knows 4:4:1, simplejpeg has no name for it.
        return None
    except ValueError as error:
        if _is_harmless(error):
            return None
        raise unreadable(data, "jpeg", str(error)) from error


def divisor(size: Size, wanted: Size | None) -> int:
    """Return by how much a decode may scale down: 1, 2, 4 or 8.

    Args:
        size: Of the stored picture, in px.
        wanted: What it will be brought down to at once; None if each pixel counts.
    """
    if wanted is None:
        return 1
    sides = list(zip(size, wanted, strict=True))
    return max(by for by in (1, 2, 4, 8) if all(_is_faithful(side, least, by) for side, least in sides))


def _is_faithful(side: int, wanted: int, by: int) -> bool:
    """Say whether a decode scaled down keeps the margin, and its last pixel close enough to its place."""
    exact = side / by
    return by == 1 or (exact >= wanted * _MARGIN and abs(round(exact) - exact) * wanted / exact <= _SHIFT)


def decode(data: bytes, mode: str, size: Size, by: int = 1) -> pyvips.Image | None:
    """Decode, scaled down while the DCT is undone.

    Args:
        data: The file.
        mode: From `mode_of`.
        size: Of the stored picture, in px.
        by: From `divisor`; not heeded of 12 bits a sample.

    Returns:
        uint8, sRGB or b-w, over the decoder's buffer without a copy; None if libvips should do it.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is broken.
    """
    # By the size that the decoder gives for a divisor of ours; it knows others (5/8, ...), slow and never
    # exact.
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
    return any(word in str(error) for word in _HARMLESS)


def encode(image: pyvips.Image, quality: int, chroma: str) -> bytes:
    """Encode an opaque picture.

    By Pillow: simplejpeg can't ask for libjpeg's exact DCT below a quality of 96. The fast one saves 0.12 of
    0.5 ms for a thumbnail, and costs a photograph 0.1 dB at 85 and 0.5 dB at 95.

    Args:
        image: uint8, 1 or 3 bands.
        quality: 1 to 100, libjpeg's scale.
        chroma: "420" or "444"; of no meaning for gray.

    Raises:
        EncodeFailedError: libjpeg-turbo refused.
    """
    file = io.BytesIO()
    try:
        # Pillow: 0 stands for 4:4:4, 2 for 4:2:0.
        to_pillow(image).save(file, _NAME, quality=quality, subsampling=0 if chroma == "444" else 2)
    except (OSError, ValueError) as error:
        raise EncodeFailedError(f"the picture can't be written as jpeg: {error}") from error
    return file.getvalue()
