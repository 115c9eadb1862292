"""Formats that Pillow reads, because the wheel of libvips does not."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyvips
from PIL import Image as PillowImage
from PIL import ImageFile, Jpeg2KImagePlugin, TgaImagePlugin

from rayjobs.codec.truncation import unreadable
from rayjobs.filters.pixels import from_array

# `Limits` has the bound; Pillow's own would warn, or refuse, at a number that is no setting.
PillowImage.MAX_IMAGE_PIXELS = None

# Named here, because Pillow would load all plugins to find one, in half a second.
_PLUGINS = {
    "bmp": "BMP",
    "ppm": "PPM",
    "jp2": Jpeg2KImagePlugin.Jpeg2KImageFile.format,
    "tga": TgaImagePlugin.TgaImageFile.format,
}

_BY_ROWS = {"bmp", "ppm", "tga"}
"""Formats of which a cut file still gives its rows; a cut JPEG 2000 would give a black picture."""

_MODES = {"L", "LA", "RGB", "RGBA", "CMYK"}
"""Modes whose arrays are pixels that filters, or the colour transform, accept."""

_INTERPRETATIONS = {"L": "b-w", "LA": "b-w", "CMYK": "cmyk"}


def opened(data: bytes, name: str) -> PillowImage.Image:
    """Open the file by the plugin of its format."""
    with _errors(data, name):
        return PillowImage.open(io.BytesIO(data), formats=[_PLUGINS[name]])


def pixels(picture: PillowImage.Image, data: bytes, name: str, *, lenient: bool) -> pyvips.Image:
    """Decode into uint8: gray, sRGB or CMYK.

    Args:
        picture: From `opened`.
        data: The file.
        name: Name of the file's format.
        lenient: Whether the rows that a cut file has are enough.
    """
    with _errors(data, name), _truncation_allowed(lenient=lenient and name in _BY_ROWS):
        if picture.mode.startswith("I"):
            wide = np.asarray(picture).clip(0, 65535)
            array = (wide >> 8).astype(np.uint8)
            mode = "L"
        else:
            mode = picture.mode if picture.mode in _MODES else _nearest_mode(picture)
            array = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    if name == "tga" and mode == "RGBA" and not array[..., 3].any():
        # Writers without alpha leave the fourth byte at 0, and nobody saves an invisible picture.
        array = array[..., :3]
    image = from_array(array.reshape(picture.height, picture.width, -1))
    return image.copy(interpretation=_INTERPRETATIONS.get(mode, "srgb"))


def _nearest_mode(picture: PillowImage.Image) -> str:
    """Return the accepted mode that loses least."""
    if picture.mode == "1":
        return "L"
    has_alpha = picture.mode in {"PA", "La", "RGBa"} or "transparency" in picture.info
    return "RGBA" if has_alpha else "RGB"


@contextmanager
def _errors(data: bytes, name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's plugins raise errors of any class: struct.error, ZeroDivisionError, ...
        raise unreadable(data, name, f"{type(error).__name__}: {error}") from error


@contextmanager
def _truncation_allowed(*, lenient: bool) -> Iterator[None]:
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
