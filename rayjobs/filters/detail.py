"""Filters that soften or sharpen: blur, box_blur, sharpen, unsharp."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.kernels import inside_frame, row_mask, sharpness
from rayjobs.filters.pixels import held, on_colour, with_premultiplied
from rayjobs.filters.smoothing import blurred


class Blur(Edit):
    """Blur by a Gaussian.

    Example:
        {"name": "blur", "radius": 5.0}
    """

    name: Literal["blur"] = "blur"
    radius: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})]
    """Standard deviation, in px, as `radius` of Pillow's `GaussianBlur`; above 150 little of a picture is
    left."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return blurred(image, self.radius)


class BoxBlur(Edit):
    """Blur by the mean of a square: quick and hard, with visible corners.

    Example:
        {"name": "box_blur", "radius": 4}
    """

    name: Literal["box_blur"] = "box_blur"
    radius: Annotated[int, Field(ge=0, le=100, json_schema_extra={"unit": "px"})]
    """Pixels on each side of the middle one, as `radius` of Pillow's `BoxBlur`; 0 changes nothing."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.radius == 0 else with_premultiplied(image, self._averaged)

    def _averaged(self, image: pyvips.Image) -> pyvips.Image:
        side = 2 * self.radius + 1
        mask = row_mask(np.full(side, 1 / side))
        return held(image.conv(mask, precision="integer")).conv(mask.rot90(), precision="integer")


class Sharpen(Edit):
    """Sharpen, or below 1 smooth: 0 is smoothed, 1 changes nothing, 2 is crisp.

    Example:
        {"name": "sharpen", "factor": 2.0}
    """

    name: Literal["sharpen"] = "sharpen"
    factor: Annotated[float, Field(ge=0, le=10)]
    """Strength, no unit. Source: Pillow's `ImageEnhance.Sharpness`; above 10 there is noise only."""

    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        mask, precision = sharpness(self.factor)
        return on_colour(image, lambda colour: inside_frame(colour, mask, precision))


class Unsharp(Edit):
    """Sharpen by what a blur takes away (unsharp mask), sparing what differs little.

    Example:
        {"name": "unsharp", "radius": 2, "percent": 150, "threshold": 3}
    """

    name: Literal["unsharp"] = "unsharp"
    radius: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})] = 2.0
    """Standard deviation of the blur, in px; 0 changes nothing."""
    percent: Annotated[int, Field(ge=0, le=1000, json_schema_extra={"unit": "%"})] = 150
    """Strength, in %; 0 changes nothing, above 1000 there are halos only."""
    threshold: Annotated[int, Field(ge=0, le=255)] = 3
    """Levels up to which a difference is left alone: 0 sharpens noise too. Source: Pillow's `UnsharpMask`."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if 0 in {self.radius, self.percent} else on_colour(image, self._sharpened)

    def _sharpened(self, image: pyvips.Image) -> pyvips.Image:
        # Held: it is read twice, by the blur and beside it.
        colour = held(image)
        # What the blur took away, and 255: a place in a table. Whole numbers and one look-up take half the
        # time of floats.
        place = colour + blurred(colour, self.radius).invert()
        return (colour + place.maplut(self._table())).cast("uchar")

    def _table(self) -> pyvips.Image:
        """Return what is added for each difference of -255 to 255."""
        differs = np.arange(-255, 256)
        # Cut towards 0, as the division of C that Pillow has.
        added = np.sign(differs) * (np.abs(differs) * self.percent // 100)
        added[np.abs(differs) <= self.threshold] = 0
        return pyvips.Image.new_from_memory(added.astype(np.int16), len(added), 1, 1, "short")


FILTERS: tuple[type[Filter], ...] = (Blur, BoxBlur, Sharpen, Unsharp)
