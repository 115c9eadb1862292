"""Rank filters, which replace a pixel by one of its neighbours: median, dilate, erode."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.pixels import held, on_colour


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise PydanticCustomError("odd", "must be odd, so that the square has a middle")
    return size


Window = Annotated[int, Field(ge=1, le=31, json_schema_extra={"unit": "px"}), AfterValidator(_odd)]
"""Side of the square, odd; 1 changes nothing, above 31 areas merge."""


class Median(Edit):
    """Take the median of a square: removes specks and keeps edges.

    Example:
        {"name": "median", "size": 5}
    """

    name: Literal["median"] = "median"
    size: Window = 3
    """Side of the square, in px, odd. Source: Pillow's `MedianFilter`."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.size == 1:
            return image
        return on_colour(image, lambda colour: _ranked(colour, self.size, self.size, self.size**2 // 2))


class Dilate(Edit):
    """Take the lightest value of a square: light areas grow.

    Example:
        {"name": "dilate", "size": 5}
    """

    name: Literal["dilate"] = "dilate"
    size: Window = 3
    """Side of the square, in px, odd. Source: Pillow's `MaxFilter`."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.size == 1 else on_colour(image, _in_two_passes(self.size, self.size - 1))


class Erode(Edit):
    """Take the darkest value of a square: dark areas grow.

    Example:
        {"name": "erode", "size": 5}
    """

    name: Literal["erode"] = "erode"
    size: Window = 3
    """Side of the square, in px, odd. Source: Pillow's `MinFilter`."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.size == 1 else on_colour(image, _in_two_passes(self.size, 0))


FILTERS: tuple[type[Filter], ...] = (Median, Dilate, Erode)


def _in_two_passes(size: int, index: int) -> Callable[[pyvips.Image], pyvips.Image]:
    """Return the extreme of a row, then of a column, as a function: 2 n values instead of n squared."""
    return lambda colour: _ranked(held(_ranked(colour, size, 1, index)), 1, size, index)


def _ranked(image: pyvips.Image, width: int, height: int, index: int) -> pyvips.Image:
    """Return the ranked value of a window; beyond the border, its pixels are repeated."""
    across, down = max(0, width - image.width), max(0, height - image.height)
    if not across and not down:
        return image.rank(width, height, index)
    # libvips refuses a window larger than the picture, so the picture gets a border and is cropped again.
    left, top = width // 2, height // 2
    larger = image.embed(left, top, image.width + 2 * left, image.height + 2 * top, extend="copy")
    return larger.rank(width, height, index).crop(left, top, image.width, image.height)
