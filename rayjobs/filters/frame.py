"""Filters of a picture's outline: round_corners, shadow."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import MAX_SIDE, Edit, Filter
from rayjobs.filters.overlaying import faded, laid_over, solid
from rayjobs.filters.paint import Colour, rgba
from rayjobs.filters.pixels import (
    alpha_of,
    as_rgb,
    colour_of,
    from_array,
    has_alpha,
    held,
    is_gray,
    rounded,
    with_alpha,
)
from rayjobs.filters.placing import check_sides
from rayjobs.filters.smoothing import blurred

Way = Annotated[int, Field(ge=-1000, le=1000, json_schema_extra={"unit": "px"})]


class RoundCorners(Edit):
    """Round the corners off; the picture gets alpha.

    Example:
        {"name": "round_corners", "radius": 40}
    """

    name: Literal["round_corners"] = "round_corners"
    radius: Annotated[int, Field(ge=0, le=MAX_SIDE, json_schema_extra={"unit": "px"})]
    """Radius, in px; from half the shorter side on a square becomes a circle; 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        radius = min(self.radius, image.width // 2, image.height // 2)
        if radius == 0:
            return image
        mask = _rounded_box(image.width, image.height, radius)
        whole = rounded(alpha_of(image) * mask / 255) if has_alpha(image) else mask
        return colour_of(image).bandjoin(whole)


class Shadow(Edit):
    """Let the picture throw a shadow; the canvas grows to hold it, and gets alpha.

    Example:
        {"name": "shadow", "blur": 8, "right": 10, "down": 10, "opacity": 0.6}
    """

    name: Literal["shadow"] = "shadow"
    blur: Annotated[float, Field(ge=0, le=150, json_schema_extra={"unit": "px"})] = 10.0
    """Standard deviation of the shadow's blur, in px, as in `blur`."""
    right: Way = 6
    """Distance of the shadow to the right, in px."""
    down: Way = 6
    """Distance of the shadow downwards, in px."""
    colour: Colour = "black"
    """Colour of the shadow; its alpha is ignored."""
    opacity: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Opacity of the shadow; 0 changes nothing."""

    streams: ClassVar[bool] = False
    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.opacity == 0:
            return image
        soft = math.ceil(_VISIBLE * self.blur)
        left, top = max(0, soft - self.right), max(0, soft - self.down)
        width = left + image.width + max(0, soft + self.right)
        height = top + image.height + max(0, soft + self.down)
        check_sides(self.name, (width, height))
        outline = alpha_of(with_alpha(image)).embed(left + self.right, top + self.down, width, height)
        ink = list(rgba(self.colour)[:3])
        gray = is_gray(image) and len(set(ink)) == 1
        below = faded(solid(blurred(outline, self.blur), ink[:1] if gray else ink), self.opacity)
        return laid_over(held(below), with_alpha(image if gray else as_rgb(image)), (left, top))


FILTERS: tuple[type[Filter], ...] = (RoundCorners, Shadow)


_VISIBLE = 2.5
"""Standard deviations within which a shadow shows: beyond is less than 1 % of it."""


def _rounded_box(width: int, height: int, radius: int) -> pyvips.Image:
    """Return a mask whose corners are quarters of a circle, smooth at its line."""
    middle = np.arange(radius) + 0.5
    distance = np.hypot(radius - middle[:, None], radius - middle[None, :])
    corner = ((radius - distance + 0.5).clip(0, 1) * 255 + 0.5).astype(np.uint8)[..., None]
    mask = (pyvips.Image.black(width, height) + 255).cast("uchar")
    for turned, left, top in (
        (corner, 0, 0),
        (corner[:, ::-1], width - radius, 0),
        (corner[::-1], 0, height - radius),
        (corner[::-1, ::-1], width - radius, height - radius),
    ):
        mask = mask.insert(from_array(turned), left, top)
    return mask
