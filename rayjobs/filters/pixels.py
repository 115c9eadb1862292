"""What filters do to pixels in common: hold, round, spare alpha, go to NumPy and back."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyvips

HELD_PIXELS = 64_000_000
"""Pixels that may lie in memory decoded at once: 192 MB of RGB; larger pictures are streamed."""

Array = npt.NDArray[np.uint8]
"""(H, W, bands) uint8."""

_MOST_GRAY_BANDS = 2
"""A picture of at most so many bands is gray, with or without alpha."""


def held(image: pyvips.Image) -> pyvips.Image:
    """Evaluate a lazy picture into memory, unless it is too large to be held."""
    return image.copy_memory() if image.width * image.height <= HELD_PIXELS else image


def rounded(image: pyvips.Image) -> pyvips.Image:
    """Return a float picture as uint8: nearest whole number, clipped to 0..255."""
    return image.rint().cast("uchar")


def is_gray(image: pyvips.Image) -> bool:
    """Say whether there is one band beside alpha."""
    return int(image.bands) <= _MOST_GRAY_BANDS


def has_alpha(image: pyvips.Image) -> bool:
    """Say whether the last band is alpha."""
    return image.bands in {2, 4}


def on_colour(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Apply `change` to the colour bands and leave alpha alone."""
    if not has_alpha(image):
        return change(image)
    colour = image.extract_band(0, n=image.bands - 1)
    return change(colour).bandjoin(image.extract_band(image.bands - 1))


def with_premultiplied(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Apply `change`, one that mixes neighbours, so that transparent pixels don't bleed their colour."""
    if not has_alpha(image):
        return change(image)
    # In 8 bits, as Pillow does it: floats take the slow path of each operation, and only colours that are
    # next to invisible lose a bit.
    return rounded(change(rounded(image.premultiply())).unpremultiply())


def from_array(pixels: Array) -> pyvips.Image:
    """Return a picture over the array's own memory; the array must not be changed any more."""
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels), width, height, bands, "uchar")
    return image.copy(interpretation="b-w" if is_gray(image) else "srgb")


def to_array(image: pyvips.Image) -> Array:
    """Evaluate a picture into an array, (H, W, bands) uint8."""
    flat = np.frombuffer(image.write_to_memory(), dtype=np.uint8)
    return flat.reshape(image.height, image.width, image.bands)
