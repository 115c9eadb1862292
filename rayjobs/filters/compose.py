"""Filters with a second picture: watermark, composite."""

from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import MAX_SIDE, Composition, Filter
from rayjobs.filters.lanczos import lanczos, times
from rayjobs.filters.overlaying import faded, laid_over
from rayjobs.filters.pixels import held, with_alpha
from rayjobs.filters.placing import Gravity, check_sides, place

Shift = Annotated[int, Field(ge=-MAX_SIDE, le=MAX_SIDE, json_schema_extra={"unit": "px"})]
"""A distance to the right or down; below 0 to the left or up."""

Blend = Literal[
    "over",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "colour-dodge",
    "colour-burn",
    "hard-light",
    "soft-light",
    "difference",
    "exclusion",
]
"""How two colours are blended. Source: W3C, Compositing and Blending 1."""


class Watermark(Composition):
    """Put a small picture on one place of the picture, or repeat it all over the picture.

    Example:
        {"name": "watermark", "picture": "sample:fig_alpha.png", "scale": 0.3, "opacity": 0.8}
    """

    name: Literal["watermark"] = "watermark"
    gravity: Gravity = "southeast"
    """Place of the watermark; with `tile`, the place where the pattern begins."""
    margin: Annotated[int, Field(ge=0, le=MAX_SIDE, json_schema_extra={"unit": "px"})] = 16
    """Distance to the picture's border, in px; with `tile`, the distance between two copies."""
    scale: Annotated[float, Field(gt=0, le=1)] | None = 0.25
    """Largest share of the picture's width and height that it takes; its own size if left out."""
    opacity: Annotated[float, Field(ge=0, le=1)] = 1.0
    """0 is invisible, 1 is as opaque as the watermark's file."""
    tile: bool = False
    """Repeat it all over the picture."""

    streams: ClassVar[bool] = True

    @override
    def compose(self, image: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
        if self.opacity == 0:
            return image
        size, own = (image.width, image.height), (other.width, other.height)
        if self.scale is not None:
            ratio = min(self.scale * side / each for side, each in zip(size, own, strict=True))
            other = lanczos(other, times(own, ratio))
        mark = held(faded(other, self.opacity))
        if self.tile:
            return laid_over(image, self._pattern(mark, image), (0, 0))
        return laid_over(image, mark, place(self.gravity, size, (mark.width, mark.height), self.margin))

    def _pattern(self, mark: pyvips.Image, image: pyvips.Image) -> pyvips.Image:
        cell = mark.embed(0, 0, mark.width + self.margin, mark.height + self.margin)
        across, down = -(-image.width // cell.width), -(-image.height // cell.height)
        pattern = held(cell).replicate(across + 1, down + 1)
        left, top = place(self.gravity, (image.width, image.height), (mark.width, mark.height))
        return pattern.crop(-left % cell.width, -top % cell.height, image.width, image.height)


class Composite(Composition):
    """Blend a picture with another.

    Example:
        {"name": "composite", "picture": "sample:mountains.webp", "blend": "screen", "fit": "stretch"}
    """

    name: Literal["composite"] = "composite"
    blend: Blend = "over"
    """How the colours are blended; where the other picture is transparent nothing changes."""
    fit: Literal["none", "stretch"] = "none"
    """`none`: the other picture keeps its size. `stretch`: it gets the size of the picture."""
    gravity: Gravity = "northwest"
    """Place of the other picture."""
    left: Shift = 0
    """Distance to the right of that place, in px."""
    top: Shift = 0
    """Distance below that place, in px."""
    opacity: Annotated[float, Field(ge=0, le=1)] = 1.0
    """0 is invisible, 1 is as opaque as the other picture's file."""

    @override
    def compose(self, image: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
        if self.opacity == 0:
            return image
        size = image.width, image.height
        if self.fit == "stretch":
            check_sides(self.name, size)
            other = lanczos(other, size)
        above = held(faded(with_alpha(other), self.opacity))
        left, top = place(self.gravity, size, (above.width, above.height))
        return laid_over(image, above, (left + self.left, top + self.top), self.blend)


FILTERS: tuple[type[Filter], ...] = (Watermark, Composite)
