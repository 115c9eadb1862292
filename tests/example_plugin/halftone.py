"""A filter of one's own for rayjobs: the whole of it."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.array import Array, ArrayFilter, FilterFailedError


class Halftone(ArrayFilter):
    """Show the picture as black dots on white, each as dark as what it stands for.

    Example:
        {"name": "halftone", "cell": 6}
    """

    name: Literal["halftone"] = "halftone"
    cell: Annotated[int, Field(ge=2, le=64, json_schema_extra={"unit": "px"})] = 8
    """Side of the square that a dot stands in, in px; above 64 nothing is to be recognised."""

    @override
    def apply(self, pixels: Array) -> Array:
        height, width, bands = pixels.shape
        if min(height, width) < self.cell:
            raise FilterFailedError(f"halftone: {width} x {height} px are less than a cell of {self.cell} px")
        colours = bands - 1 if bands in {2, 4} else bands
        light = pixels[..., :colours].mean(axis=2)
        y, x = np.ogrid[:height, :width]
        middle = (self.cell - 1) / 2
        distance = np.hypot(y % self.cell - middle, x % self.cell - middle)
        dark = distance < np.sqrt(1 - light / 255) * self.cell / np.sqrt(2)
        pixels[..., :colours] = np.where(dark, 0, 255)[..., None]  # alpha stays as it is
        return pixels
