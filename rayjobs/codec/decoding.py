"""Decoding of a file to the pixels that filters take: uint8, sRGB or gray, not yet turned upright."""

import pyvips

from rayjobs.codec import bitmap, heif, icon, jpeg, jxl, pillow, webp
from rayjobs.codec.colour import needs_transform, to_srgb, with_profile
from rayjobs.codec.header import Header, open_lazily
from rayjobs.codec.truncation import unreadable
from rayjobs.filters.base import Size
from rayjobs.filters.pixels import HELD_PIXELS, PASSED_PIXELS, held


def decode(data: bytes, header: Header, wanted: Size | None, *, streamed: bool) -> pyvips.Image:
    """Decode the picture; a fault of the file is raised here, except for a streamed picture.

    Args:
        data: The file.
        header: From `read_header`.
        wanted: Size in px, before any turn, to which the picture is scaled next; None to decode every pixel.
        streamed: Whether the pixels are read once, from top to bottom: a very large picture stays lazy.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged.
    """
    if header.inner is not None:
        return _by_libvips(data, header, streamed=streamed)
    if header.layout is not None or header.format.reader != "libvips":
        image = _by_another(data, header)
        return _coloured(image, header.profile, data, header)
    is_jpeg = header.format.name == "jpeg" and not header.is_lenient
    if is_jpeg and (mode := jpeg.mode_of(data)) is not None:
        return _jpeg(data, header, mode, wanted, streamed=streamed)
    if header.format.name == "webp" and header.frames == 1 and header.width * header.height <= PASSED_PIXELS:
        image = webp.decode(data)
        if image is not None:
            return _coloured(image, header.profile, data, header)
    return _by_libvips(data, header, streamed=streamed)


def scaling(header: Header, size: Size, wanted: Size | None) -> int:
    """Return the factor, 1 to 8, by which the decoder scales a picture of `size` down for `wanted`."""
    return jpeg.divisor(size, wanted) if header.format.name == "jpeg" else 1


def _by_another(data: bytes, header: Header) -> pyvips.Image:
    """Return the pixels of a file that libvips does not read."""
    if header.layout is not None:
        from rayjobs.codec import sample_formats

        return sample_formats.pixels(header.layout, lenient=header.is_lenient)
    name = header.format.name
    if header.format.reader == "jxl":
        return jxl.pixels(header.lazy)
    if header.format.reader == "heif":
        return heif.pixels(header.lazy, data, name)
    if header.format.reader == "icon":
        return icon.pixels(header.lazy)
    if header.format.reader == "bitmap":
        return bitmap.pixels(header.lazy, data, name, lenient=header.is_lenient)
    return pillow.pixels(header.lazy, data, name, lenient=header.is_lenient)


def decode_frames(data: bytes, header: Header) -> list[pyvips.Image]:
    """Decode each frame of an animation.

    Raises:
        TruncatedError: The file ends before its pictures do.
        DecodeFailedError: The file is damaged.
    """
    tall = _by_libvips(data, header, streamed=False, n=-1)
    tops = range(0, tall.height, header.height)
    return [tall.crop(0, top, header.width, header.height) for top in tops]


def _jpeg(data: bytes, header: Header, mode: str, wanted: Size | None, *, streamed: bool) -> pyvips.Image:
    by = jpeg.divisor(header.size, wanted)
    held_at_once = header.width * header.height <= HELD_PIXELS * by**2
    image = jpeg.decode(data, mode, header.size, by) if held_at_once or not streamed else None
    if image is None:
        return _by_libvips(data, header, streamed=streamed, shrink=by)
    return _coloured(image, header.profile, data, header)


def _coloured(image: pyvips.Image, profile: bytes | None, data: bytes, header: Header) -> pyvips.Image:
    """Convert the pixels of another decoder than libvips to the requested colours."""
    if profile is not None and needs_transform(profile):
        image = with_profile(image, profile)
    elif image.interpretation != "cmyk":
        return image
    try:
        return held(to_srgb(image, profile, keep=header.reading.profile == "keep"))
    except pyvips.Error as error:
        raise unreadable(data, header.format.name, str(error)) from error


def _by_libvips(data: bytes, header: Header, *, streamed: bool, **options: int) -> pyvips.Image:
    if header.reading.page and "n" not in options:
        options["page"] = header.reading.page
    name, stored = header.inner or (header.format.name, data)
    try:
        image = open_lazily(stored, name, lenient=header.is_lenient, access="sequential", **options)
        image = to_srgb(image, header.profile, keep=header.reading.profile == "keep")
        return held(image) if streamed else image.copy_memory()
    except pyvips.Error as error:
        raise unreadable(data, header.format.name, str(error)) from error
