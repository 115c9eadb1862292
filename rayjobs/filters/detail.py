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
    """Blur with a Gaussian.

    Example:
        {"name": "blur", "radius": 5.0}
    """

    name: Literal["blur"] = "blur"
    radius: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})]
    """Standard deviation, in px, as `radius` of Pillow's `GaussianBlur`; above 150 a picture has little
    left."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return blurred(image, self.radius)


class BoxBlur(Edit):
    """Blur by the mean of a square: fast, but with visible corners.

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
    """Sharpen above 1, smooth below 1; 1 changes nothing.

    Example:
        {"name": "sharpen", "factor": 2.0}
    """

    name: Literal["sharpen"] = "sharpen"
    factor: Annotated[float, Field(ge=0, le=10)]
    """Strength, without unit; above 10 only noise is left. Source: Pillow's `ImageEnhance.Sharpness`."""

    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        mask, precision = sharpness(self.factor)
        return on_colour(image, lambda colour: inside_frame(colour, mask, precision))


class Unsharp(Edit):
    """Sharpen by the difference to a blurred copy (unsharp mask); small differences stay.

    Example:
        {"name": "unsharp", "radius": 2, "percent": 150, "threshold": 3}
    """

    name: Literal["unsharp"] = "unsharp"
    radius: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})] = 2.0
    """Standard deviation of the blur, in px; 0 changes nothing."""
    percent: Annotated[int, Field(ge=0, le=1000, json_schema_extra={"unit": "%"})] = 150
    """Strength, in %; 0 changes nothing, above 1000 only halos are left."""
    threshold: Annotated[int, Field(ge=0, le=255)] = 3
    """Largest difference, in levels, that stays unchanged: 0 sharpens noise too. Source: Pillow's
    `UnsharpMask`."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if 0 in {self.radius, self.percent} else on_colour(image, self._sharpened)

    def _sharpened(self, image: pyvips.Image) -> pyvips.Image:
        # Held in memory, because both the blur and the sum below read it.
        colour = held(image)
        # The difference to the blurred copy, plus 255, is an index in a table. Integers and one table take
        # half the time of floats.
        index = colour + blurred(colour, self.radius).invert()
        return (colour + index.maplut(self._table())).cast("uchar")

    def _table(self) -> pyvips.Image:
        """Return the table of the values to add for each difference of -255 to 255."""
        differs = np.arange(-255, 256)
        # Rounded towards 0, like the division in Pillow's C code.
        added = np.sign(differs) * (np.abs(differs) * self.percent // 100)
        added[np.abs(differs) <= self.threshold] = 0
        return pyvips.Image.new_from_memory(added.astype(np.int16), len(added), 1, 1, "short")


FILTERS: tuple[type[Filter], ...] = (Blur, BoxBlur, Sharpen, Unsharp)
