"""The filter that hides parts of a picture."""

from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.mosaic import mosaic
from rayjobs.filters.paint import Colour, rgba
from rayjobs.filters.pixels import as_rgb, has_alpha, held, is_gray
from rayjobs.filters.smoothing import blurred

_MOST_SQUARES = 6
"""Squares along the longer side of a hidden area: a face is no face any more, a number no number."""

_MOST_SIGMA = 150
"""px; what `blurred` takes."""

Part = Annotated[float, Field(ge=0, le=100, json_schema_extra={"unit": "%"})]


class Area(BaseModel):
    """A rectangle, in % of the picture's sides, so that it fits at any size."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    left: Part
    """Distance of its left edge from the picture's, in % of the width."""
    top: Part
    """Distance of its upper edge from the picture's, in % of the height."""
    width: Annotated[float, Field(gt=0, le=100, json_schema_extra={"unit": "%"})]
    """Width, in % of the picture's; the part beyond the picture is ignored."""
    height: Annotated[float, Field(gt=0, le=100, json_schema_extra={"unit": "%"})]
    """Height, in % of the picture's; the part beyond the picture is ignored."""


class Redact(Edit):
    """Hide areas for good: filled, in few squares, or blurred beyond reading.

    Example:
        {"name": "redact", "areas": [{"left": 30, "top": 25, "width": 40, "height": 30}], "by": "pixelate"}
    """

    name: Literal["redact"] = "redact"
    areas: tuple[Area, ...] = Field(strict=False, min_length=1, max_length=100)
    """The areas to hide, up to 100 rectangles. An area outside the picture fails the item: a mistake in the
    numbers must not show what was to be hidden."""
    by: Literal["fill", "pixelate", "blur"] = "fill"
    """`fill` leaves nothing; `pixelate` leaves 6 squares along the longer side, `blur` as little."""
    colour: Colour = "black"
    """Colour of `fill`; its alpha is ignored."""

    streams: ClassVar[bool] = False
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        ink = list(rgba(self.colour)[:3])
        result = as_rgb(image) if self.by == "fill" and len(set(ink)) > 1 else image
        # Held: each area is cut out of it.
        result = held(result)
        for area in self.areas:
            left, top, width, height = _pixels(area, image)
            inside = result.crop(left, top, width, height)
            result = result.insert(self._hidden(inside, ink), left, top)
        return result

    def _hidden(self, inside: pyvips.Image, ink: list[int]) -> pyvips.Image:
        longest = max(inside.width, inside.height)
        if self.by == "pixelate":
            return mosaic(inside, max(2, -(-longest // _MOST_SQUARES)))
        if self.by == "blur":
            # Cut out first: no pixel from outside, and no light edge that would reveal what is inside.
            return blurred(inside, min(_MOST_SIGMA, max(2.0, longest / _MOST_SQUARES)))
        bands = (ink[:1] if is_gray(inside) else ink) + [255] * has_alpha(inside)
        return (inside * 0 + bands).cast("uchar").copy(interpretation=inside.interpretation)


FILTERS: tuple[type[Filter], ...] = (Redact,)


def _pixels(area: Area, image: pyvips.Image) -> tuple[int, int, int, int]:
    """Return left, top, width and height, in px: every pixel that the area touches."""
    spans = []
    for start, length, side in ((area.left, area.width, image.width), (area.top, area.height, image.height)):
        first, end = int(start * side // 100), -int(-min(100.0, start + length) * side // 100)
        if first >= end:
            raise FilterFailedError(f"redact: an area begins at {start:g} % and so lies outside", limit=100)
        spans.append((first, end - first))
    (left, width), (top, height) = spans
    return left, top, width, height
