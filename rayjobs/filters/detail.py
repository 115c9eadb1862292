"""Filters that mix a pixel with its neighbours: blur, sharpen, edges."""

from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Filter
from rayjobs.filters.kernels import gaussian, row_mask, sharpness
from rayjobs.filters.pixels import held, on_colour, rounded, with_premultiplied

_SMALLEST_WITH_INSIDE = 3
"""A side of fewer px is all frame for a 3x3 kernel."""

_WIDE = 40
"""Radius, in px, from which a blur is done at a quarter of the size: no detail is left that could be
missed (50 dB either way), and at 150 px a mask of 819 weights would take three times as long as Pillow."""

_FIND_EDGES = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
"""Source: Pillow's `ImageFilter.FIND_EDGES`."""


class Blur(Filter):
    """Blur by a Gaussian."""

    name: Literal["blur"] = "blur"
    radius: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})]
    """Standard deviation, in px, as `radius` of Pillow's `GaussianBlur`; above 150 little of a picture is
    left."""

    costly: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.radius == 0:
            return image
        return with_premultiplied(image, self._wide if self.radius > _WIDE else self._narrow)

    def _narrow(self, image: pyvips.Image) -> pyvips.Image:
        mask = row_mask(gaussian(self.radius))
        # Tile by tile, the second pass would ask for the margins of the first again and again: held in
        # between.
        across = held(image.conv(mask, precision="integer"))
        return across.conv(mask.rot90(), precision="integer")

    def _wide(self, image: pyvips.Image) -> pyvips.Image:
        width, height = max(1, image.width // 4), max(1, image.height // 4)
        across, down = width / image.width, height / image.height
        small = held(image.resize(across, vscale=down, kernel="linear"))
        small = held(small.conv(row_mask(gaussian(self.radius * across)), precision="integer"))
        small = held(small.conv(row_mask(gaussian(self.radius * down)).rot90(), precision="integer"))
        return small.resize(image.width / width, vscale=image.height / height, kernel="cubic")


class Sharpen(Filter):
    """Sharpen, or below 1 smooth: 0 is smoothed, 1 changes nothing, 2 is crisp."""

    name: Literal["sharpen"] = "sharpen"
    factor: Annotated[float, Field(ge=0, le=10)]
    """Strength, no unit. Source: Pillow's `ImageEnhance.Sharpness`; above 10 there is noise only."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        mask, precision = sharpness(self.factor)
        return on_colour(image, lambda colour: _inside_frame(colour, mask, precision))


class Edges(Filter):
    """Show where values change: outlines on black."""

    name: Literal["edges"] = "edges"

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        mask = pyvips.Image.new_from_array(_FIND_EDGES)
        return on_colour(image, lambda colour: _inside_frame(colour, mask, "integer"))


def _inside_frame(image: pyvips.Image, mask: pyvips.Image, precision: str) -> pyvips.Image:
    """Convolve with a 3x3 mask; the outermost px keep their values, as in Pillow."""
    width, height = image.width, image.height
    if min(width, height) < _SMALLEST_WITH_INSIDE:
        return image
    filtered = image.conv(mask, precision=precision)
    inside = filtered if precision == "integer" else rounded(filtered)
    return image.insert(inside.crop(1, 1, width - 2, height - 2), 1, 1)
