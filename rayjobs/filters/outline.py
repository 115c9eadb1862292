"""Filters that show how values change: edges, sobel, canny, emboss, convolve."""

from typing import Annotated, ClassVar, Literal, Self

import pyvips
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.kernels import inside_frame
from rayjobs.filters.pixels import luma, on_colour, rounded

_FIND_EDGES = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
"""Source: Pillow's `ImageFilter.FIND_EDGES`."""

_EMBOSS = [[0, 0, 0], [0, 1, 0], [-1, 0, 0]]
"""Source: Pillow's `ImageFilter.EMBOSS`; Pillow's kernels are upside down."""

_SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]

Weight = Annotated[float, Field(ge=-1000, le=1000)]
"""A weight of a kernel; beyond 1000 the others count for nothing."""

_SLOPE_OF_A_STEP = 0.86
"""Slope of a step of one level, times the sigma of its blur: 0.85 to 0.90 from a sigma of 1 on, measured."""

Row = Annotated[tuple[Weight, ...], Field(strict=False)]

_SIDES = (3, 5, 7)


class Edges(Edit):
    """Show where values change: outlines on black.

    Example:
        {"name": "edges"}
    """

    name: Literal["edges"] = "edges"

    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        mask = pyvips.Image.new_from_array(_FIND_EDGES)
        return on_colour(image, lambda colour: inside_frame(colour, mask, "integer"))


class Sobel(Edit):
    """Show how steeply values rise, in any direction: soft outlines on black.

    Example:
        {"name": "sobel"}
    """

    name: Literal["sobel"] = "sobel"

    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, _steepness)


class Canny(Edit):
    """Show the outlines one pixel thin, as gray; the stronger the lighter.

    Example:
        {"name": "canny", "sigma": 1.4, "full": 40}
    """

    name: Literal["canny"] = "canny"
    sigma: Annotated[float, Field(gt=0, le=20, json_schema_extra={"unit": "px"})] = 1.4
    """Standard deviation of the blur before, in px; above 20 no outline is left."""
    full: Annotated[float, Field(ge=1, le=255)] = 40.0
    """Step, in levels, whose outline is white; that of half the step is half as light."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, self._thin)

    def _thin(self, colour: pyvips.Image) -> pyvips.Image:
        found = luma(colour).cast("float").canny(sigma=self.sigma, precision="float")
        # libvips gives (slope squared + 256) / 512. A wider blur leaves a lower slope.
        squared = found * 512 - 256
        slope = (squared > 0).ifthenelse(squared, 0) ** 0.5
        light = slope * (self.sigma / _SLOPE_OF_A_STEP * 255 / self.full)
        return rounded(light).copy(interpretation="b-w")


class Emboss(Edit):
    """Show the picture as a relief in gray, lit from one corner.

    Example:
        {"name": "emboss"}
    """

    name: Literal["emboss"] = "emboss"

    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        mask = pyvips.Image.new_from_array(_EMBOSS, 1, 128)
        return on_colour(image, lambda colour: inside_frame(colour, mask, "integer"))


class Convolve(Edit):
    """Convolve with a kernel of one's own; beyond the border its pixels go on.

    Example:
        {"name": "convolve", "kernel": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]}
    """

    name: Literal["convolve"] = "convolve"
    kernel: tuple[Row, ...] = Field(strict=False)
    """3, 5 or 7 rows of as many weights, as they lie on the picture (nothing is mirrored)."""
    scale: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """What the sum is divided by; the sum of the weights if left out, or 1 where that is not above 0."""
    offset: Annotated[float, Field(ge=-255, le=255)] = 0.0
    """What is added at last, in levels."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @model_validator(mode="after")
    def _is_an_odd_square(self) -> Self:
        side = len(self.kernel)
        if side not in _SIDES or any(len(row) != side for row in self.kernel):
            raise PydanticCustomError("kernel", "the kernel must have 3, 5 or 7 rows of as many weights")
        return self

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        total = sum(map(sum, self.kernel))
        scale = self.scale or (total if total > 0 else 1.0)
        mask = pyvips.Image.new_from_array([list(row) for row in self.kernel], scale, self.offset)
        return on_colour(image, lambda colour: rounded(colour.conv(mask, precision="float")))


FILTERS: tuple[type[Filter], ...] = (Edges, Sobel, Canny, Emboss, Convolve)


def _steepness(colour: pyvips.Image) -> pyvips.Image:
    mask = pyvips.Image.new_from_array(_SOBEL)
    across, down = (colour.conv(each, precision="float") for each in (mask, mask.rot90()))
    steep = rounded((across * across + down * down) ** 0.5)
    return steep.copy(interpretation=colour.interpretation)
