"""From a file to pixels that filters take: uint8, sRGB or gray, as stored (not turned upright)."""

import numpy as np
import pyvips

from rayjobs.codec import jpeg
from rayjobs.codec.colour import needs_transform, to_srgb, with_profile
from rayjobs.codec.header import Header, open_lazily
from rayjobs.codec.truncation import unreadable
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import HELD_PIXELS, from_array, held


def decode(data: bytes, header: Header, wanted: Size | None, *, streamed: bool) -> pyvips.Image:
    """Decode the picture; faults of its file show here, except if it is streamed.

    Args:
        data: The file.
        header: What `read_header` said of it.
        wanted: Size, as stored, that it will be brought down to at once; None if each pixel counts.
        streamed: The reader goes from top to bottom once: a picture too large to be held may stay lazy.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is broken.
    """
    if header.format.name == "bmp":
        return _by_pillow(data, header)
    if header.format.name == "jpeg" and (mode := jpeg.mode_of(data)) is not None:
        return _jpeg(data, header, mode, wanted, streamed=streamed)
    return _by_libvips(data, header, streamed=streamed)


def _jpeg(data: bytes, header: Header, mode: str, wanted: Size | None, *, streamed: bool) -> pyvips.Image:
    by = jpeg.divisor(header.size, wanted)
    held_at_once = header.width * header.height <= HELD_PIXELS * by**2
    image = jpeg.decode(data, mode, header.size, by) if held_at_once or not streamed else None
    if image is None:
        return _by_libvips(data, header, streamed=streamed, shrink=by)
    profile = header.profile
    if profile is None or not needs_transform(profile):
        return image
    return held(to_srgb(with_profile(image, profile), profile))


def _by_libvips(data: bytes, header: Header, *, streamed: bool, **options: int) -> pyvips.Image:
    try:
        image = open_lazily(data, header.format.name, access="sequential", **options)
        image = to_srgb(image, header.profile)
        return held(image) if streamed else image.copy_memory()
    except pyvips.Error as error:
        raise unreadable(data, header.format.name, str(error)) from error


def _by_pillow(data: bytes, header: Header) -> pyvips.Image:
    try:
        picture = header.lazy if header.lazy.mode in {"L", "RGB", "RGBA"} else header.lazy.convert("RGB")
        pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError) as error:
        raise unreadable(data, header.format.name, str(error)) from error
    return from_array(pixels.reshape(header.height, header.width, -1))
