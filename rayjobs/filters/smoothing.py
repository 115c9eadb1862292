"""The Gaussian blur that several filters rest on."""

import pyvips

from rayjobs.filters.kernels import gaussian, row_mask
from rayjobs.filters.pixels import held, with_premultiplied

_WIDE = 40
"""Radius, in px, from which a blur is done at a quarter of the size: no detail is left that could be
missed (50 dB either way), and at 150 px a mask of 819 weights would take three times as long as Pillow."""


def blurred(image: pyvips.Image, radius: float) -> pyvips.Image:
    """Return the picture blurred by a Gaussian; itself if there is nothing to do.

    Args:
        image: uint8; alpha is premultiplied on the way.
        radius: Standard deviation, in px, 0 to 150.
    """
    if radius == 0:
        return image
    blur = _wide if radius > _WIDE else _narrow
    return with_premultiplied(image, lambda pixels: blur(pixels, radius))


def _narrow(image: pyvips.Image, radius: float) -> pyvips.Image:
    mask = row_mask(gaussian(radius))
    # Tile by tile, the second pass would ask for the margins of the first again and again: held in between.
    across = held(image.conv(mask, precision="integer"))
    return across.conv(mask.rot90(), precision="integer")


def _wide(image: pyvips.Image, radius: float) -> pyvips.Image:
    width, height = max(1, image.width // 4), max(1, image.height // 4)
    across, down = width / image.width, height / image.height
    small = held(image.resize(across, vscale=down, kernel="linear"))
    small = held(small.conv(row_mask(gaussian(radius * across)), precision="integer"))
    small = held(small.conv(row_mask(gaussian(radius * down)).rot90(), precision="integer"))
    return small.resize(image.width / width, vscale=image.height / height, kernel="cubic")
