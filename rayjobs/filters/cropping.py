"""Filters that cut something out: crop, crop_to, crop_aspect, smart_crop, trim."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import MAX_SIDE, Edit, Filter, Side, Size
from rayjobs.filters.lanczos import lanczos, times
from rayjobs.filters.paint import Colour, premultiplied_ink, primed
from rayjobs.filters.pixels import has_alpha, held, rounded
from rayjobs.filters.placing import Gravity, cut

Offset = Annotated[int, Field(ge=0, lt=2**31 - MAX_SIDE, json_schema_extra={"unit": "px"})]
"""Distance from the picture's left or upper edge; libvips counts in signed 32 bits."""

_LONGEST_LOOKED_AT = 1024
"""px; the parts that draw the eye are visible at this size too, and 12 megapixels take ten times as long."""


class Crop(Edit):
    """Cut out a rectangle; it must lie within the picture.

    Example:
        {"name": "crop", "left": 10, "top": 20, "width": 120, "height": 90}
    """

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


class CropTo(Edit):
    """Cut out a size at a place of the picture; where the picture is smaller it stays as it is.

    Example:
        {"name": "crop_to", "width": 100, "height": 100, "gravity": "southeast"}
    """

    name: Literal["crop_to"] = "crop_to"
    width: Side
    """Most width of the result, in px."""
    height: Side
    """Most height of the result, in px."""
    gravity: Gravity = "center"
    """The part that is kept."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return cut(image, self.gravity, (min(self.width, image.width), min(self.height, image.height)))


class CropAspect(Edit):
    """Cut to a ratio of the sides, and no more than it takes.

    Example:
        {"name": "crop_aspect", "width": 16, "height": 9}
    """

    name: Literal["crop_aspect"] = "crop_aspect"
    width: Annotated[float, Field(gt=0, le=10_000)]
    """Part of the width in the ratio, as 16 in 16:9; no unit."""
    height: Annotated[float, Field(gt=0, le=10_000)]
    """Part of the height in the ratio, as 9 in 16:9; no unit."""
    gravity: Gravity = "center"
    """The part that is kept."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        unit = min(image.width / self.width, image.height / self.height)
        size = max(1, round(self.width * unit)), max(1, round(self.height * unit))
        return cut(image, self.gravity, size)


class SmartCrop(Edit):
    """Fill a size, and cut off what draws the eye least.

    Example:
        {"name": "smart_crop", "width": 120, "height": 120, "by": "attention"}
    """

    name: Literal["smart_crop"] = "smart_crop"
    width: Side
    """Width of the result, in px; a smaller picture is not enlarged."""
    height: Side
    """Height of the result, in px; a smaller picture is not enlarged."""
    by: Literal["attention", "entropy"] = "attention"
    """`attention` looks for edges, skin and bright colours, `entropy` for the part that says most."""

    streams: ClassVar[bool] = False
    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def shrinks_to(self, size: Size) -> Size | None:
        return times(size, min(1.0, max(self.width / size[0], self.height / size[1])))

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        scaled = held(lanczos(image, self.shrinks_to(size) or size))
        width, height = min(self.width, scaled.width), min(self.height, scaled.height)
        ratio = min(1.0, _LONGEST_LOOKED_AT / max(scaled.width, scaled.height))
        small = scaled.resize(ratio, kernel="linear") if ratio < 1 else scaled
        least = min(small.width, round(width * ratio) or 1), min(small.height, round(height * ratio) or 1)
        found = small.smartcrop(*least, interesting=self.by)
        # libvips reports the place of the crop as the picture's offset.
        left = min(round(-found.xoffset / ratio), scaled.width - width)
        top = min(round(-found.yoffset / ratio), scaled.height - height)
        return scaled.crop(left, top, width, height)


class Trim(Edit):
    """Cut off borders of one colour, or transparent ones; an even picture stays as it is.

    Example:
        {"name": "trim", "threshold": 10}
    """

    name: Literal["trim"] = "trim"
    threshold: Annotated[int, Field(ge=0, le=255)] = 10
    """Levels by which a band may differ from the border and still be border: JPEG's noise stays below 10."""
    colour: Colour | None = None
    """The border's colour; the upper left pixel's if left out."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        # Premultiplied: under full transparency any colour is the same.
        known = held(image if self.colour is None else primed(image, self.colour))
        visible = rounded(known.premultiply()) if has_alpha(known) else known
        border = visible(0, 0) if self.colour is None else premultiplied_ink(known, self.colour)
        differs = ((visible - border).abs() > self.threshold).bandor()
        columns, rows = (np.flatnonzero(sums.numpy()) for sums in differs.project())
        if not len(columns):
            return image
        left, top = int(columns[0]), int(rows[0])
        return image.crop(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


FILTERS: tuple[type[Filter], ...] = (SmartCrop, Crop, CropTo, CropAspect, Trim)
