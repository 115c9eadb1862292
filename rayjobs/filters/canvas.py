"""Filters that make room round a picture: pad, extend, extend_aspect, border."""

import math
from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import MAX_SIDE, Edit, Filter, Side
from rayjobs.filters.paint import Colour
from rayjobs.filters.placing import Gravity, check_sides, on_canvas, place

Room = Annotated[int, Field(ge=0, le=MAX_SIDE, json_schema_extra={"unit": "px"})]
"""Pixels that are added at one side; no side of a result may be longer than that."""

_EXTENDS = {"repeat": "repeat", "mirror": "mirror", "stretch": "copy"}


class Pad(Edit):
    """Add room at each side, in a colour or made of the picture itself.

    Example:
        {"name": "pad", "left": 20, "right": 20, "top": 10, "bottom": 30, "fill": "mirror"}
    """

    name: Literal["pad"] = "pad"
    left: Room = 0
    """Room at the left, in px."""
    top: Room = 0
    """Room above, in px."""
    right: Room = 0
    """Room at the right, in px."""
    bottom: Room = 0
    """Room below, in px."""
    fill: Literal["colour", "repeat", "mirror", "stretch"] = "colour"
    """What the room is filled with: `colour`, the picture again, its mirror, or its outermost pixels."""
    colour: Colour = "white"
    """Colour of the room, if `fill` is `colour`."""

    streams: ClassVar[bool] = False  # the mirror above begins with the lines below it

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width + self.left + self.right, image.height + self.top + self.bottom
        check_sides(self.name, size)
        if self.fill == "colour":
            return on_canvas(image, (self.left, self.top), size, self.colour)
        return image.embed(self.left, self.top, *size, extend=_EXTENDS[self.fill])


class Extend(Edit):
    """Lay the picture on a canvas of at least this size; nothing is cut off.

    Example:
        {"name": "extend", "width": 300, "height": 300, "gravity": "north", "colour": "#202020"}
    """

    name: Literal["extend"] = "extend"
    width: Side
    """Least width of the result, in px."""
    height: Side
    """Least height of the result, in px."""
    gravity: Gravity = "center"
    """Place of the picture on the canvas."""
    colour: Colour = "white"
    """Colour of the canvas."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        canvas = max(self.width, image.width), max(self.height, image.height)
        return on_canvas(image, place(self.gravity, canvas, size), canvas, self.colour)


class ExtendAspect(Edit):
    """Lay the picture on the smallest canvas that has a ratio of the sides.

    Example:
        {"name": "extend_aspect", "width": 1, "height": 1, "colour": "black"}
    """

    name: Literal["extend_aspect"] = "extend_aspect"
    width: Annotated[float, Field(gt=0, le=10_000)]
    """Part of the width in the ratio, as 16 in 16:9; no unit."""
    height: Annotated[float, Field(gt=0, le=10_000)]
    """Part of the height in the ratio, as 9 in 16:9; no unit."""
    gravity: Gravity = "center"
    """Place of the picture on the canvas."""
    colour: Colour = "white"
    """Colour of the canvas."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        unit = max(image.width / self.width, image.height / self.height)
        # Rounded first: 1600 / 16 * 9 must not be 900.0000001, which would become 901.
        canvas = math.ceil(round(self.width * unit, 6)), math.ceil(round(self.height * unit, 6))
        check_sides(self.name, canvas)
        return on_canvas(image, place(self.gravity, canvas, size), canvas, self.colour)


class Border(Edit):
    """Put an even border round the picture.

    Example:
        {"name": "border", "width": 12, "colour": "#c0a060"}
    """

    name: Literal["border"] = "border"
    width: Annotated[int, Field(ge=0, le=2000, json_schema_extra={"unit": "px"})]
    """Width of the border, in px; above 2000 there is more border than picture."""
    colour: Colour = "black"
    """Colour of the border."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width + 2 * self.width, image.height + 2 * self.width
        check_sides(self.name, size)
        return on_canvas(image, (self.width, self.width), size, self.colour)


FILTERS: tuple[type[Filter], ...] = (Pad, Extend, ExtendAspect, Border)
