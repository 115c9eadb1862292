"""Filters that move pixels: crop, rotate, flip, auto_orient."""

from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import MAX_SIDE, Filter, Side

Offset = Annotated[int, Field(ge=0, lt=2**31 - MAX_SIDE, json_schema_extra={"unit": "px"})]
"""Distance from the picture's left or upper edge; libvips counts in signed 32 bits."""


class Crop(Filter):
    """Cut out a rectangle; it must lie within the picture."""

    name: Literal["crop"] = "crop"
    left: Offset
    """Distance of the rectangle from the left edge, in px."""
    top: Offset
    """Distance of the rectangle from the upper edge, in px."""
    width: Side
    """Width of the rectangle, in px."""
    height: Side
    """Height of the rectangle, in px."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        self._check("right", self.left + self.width, "width", image.width)
        self._check("lower", self.top + self.height, "height", image.height)
        return image.crop(self.left, self.top, self.width, self.height)

    def _check(self, edge: str, actual: int, side: str, limit: int) -> None:
        if actual > limit:
            detail = f"crop: its {edge} edge lies at {actual} px, the picture's {side} is {limit} px"
            raise FilterFailedError(detail, limit=limit, actual=actual)


class Rotate(Filter):
    """Turn by quarters, clockwise; no pixel's value changes."""

    name: Literal["rotate"] = "rotate"
    angle: Literal[90, 180, 270] = Field(json_schema_extra={"unit": "degrees"})
    """Angle, clockwise, in degrees."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image.rot(f"d{self.angle}")


class Flip(Filter):
    """Mirror: `horizontal` swaps left and right, `vertical` swaps top and bottom."""

    name: Literal["flip"] = "flip"
    direction: Literal["horizontal", "vertical"]
    """The axis along which pixels change places."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image.flip(self.direction)


class AutoOrient(Filter):
    """Turn the picture as its EXIF orientation says.

    It happens before anything else whether asked for or not: a camera's picture is upright before it is
    cropped. As the first filter with `enabled` false it keeps the pixels as they are stored. Elsewhere it
    does nothing.
    """

    name: Literal["auto_orient"] = "auto_orient"
    enabled: bool = True
    """False, in the first filter: ignore the EXIF orientation."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image
