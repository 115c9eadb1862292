"""Filters of light that falls unevenly: gradient, vignette."""

import math
from typing import Annotated, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.overlaying import laid_over
from rayjobs.filters.paint import Colour, rgba
from rayjobs.filters.pixels import is_gray, on_colour, rounded


class Gradient(Edit):
    """Lay a straight gradient from one colour to another over the picture; alpha stays.

    Example:
        {"name": "gradient", "start": "#00000000", "end": "#000000cc", "angle": 180}
    """

    name: Literal["gradient"] = "gradient"
    start: Colour = "transparent"
    """Colour at the beginning."""
    end: Colour = "black"
    """Colour at the end."""
    angle: Annotated[float, Field(ge=-360, le=360, json_schema_extra={"unit": "degrees"})] = 180.0
    """Direction, in degrees: 0 is upwards, 90 to the right. Source: W3C, CSS Images 3, `linear-gradient`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        ends = rgba(self.start), rgba(self.end)
        if all(each[3] == 0 for each in ends):
            return image
        gray = is_gray(image) and all(len(set(each[:3])) == 1 for each in ends)
        start, end = (_premultiplied([each[0], each[3]] if gray else list(each)) for each in ends)
        part = _along(image.width, image.height, math.radians(self.angle))
        mixed = (part * (end - start).tolist() + start.tolist()).copy(
            interpretation="b-w" if gray else "srgb"
        )
        above = rounded(mixed.unpremultiply())
        return on_colour(image, lambda colour: laid_over(colour, above))


class Vignette(Edit):
    """Let the picture fade towards its corners; alpha stays.

    Example:
        {"name": "vignette", "strength": 0.8, "begins": 0.3}
    """

    name: Literal["vignette"] = "vignette"
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Part of the colour in the corners; 0 changes nothing."""
    begins: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Distance at which the fading begins, from 0 (the middle) to 1 (the corners)."""
    colour: Colour = "black"
    """Colour of the corners; its alpha is ignored."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.strength == 0:
            return image
        red, green, blue, _ = rgba(self.colour)
        ink = [red] if is_gray(image) and red == green == blue else [red, green, blue]
        faded = _from_middle(image.width, image.height)
        part = ((faded - self.begins) / (1 - self.begins)).cast("float")
        part = (part > 0).ifthenelse(part, 0)
        alpha = rounded(part * part * (3 - 2 * part) * (self.strength * 255))
        above = (alpha * 0 + ink).cast("uchar").bandjoin(alpha)
        above = above.copy(interpretation="b-w" if len(ink) == 1 else "srgb")
        return on_colour(image, lambda colour: laid_over(colour, above))


FILTERS: tuple[type[Filter], ...] = (Gradient, Vignette)


def _premultiplied(colour: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    values = np.array(colour, dtype=np.float64)
    values[:-1] *= values[-1] / 255
    return values


def _along(width: int, height: int, angle: float) -> pyvips.Image:
    """Return how far each pixel is along a way through the middle, from 0 at one corner to 1 at the other."""
    across, down = math.sin(angle), -math.cos(angle)
    length = abs(width * across) + abs(height * down)
    place = pyvips.Image.xyz(width, height)
    x, y = place.extract_band(0) - (width - 1) / 2, place.extract_band(1) - (height - 1) / 2
    return (x * across + y * down) / length + 0.5


def _from_middle(width: int, height: int) -> pyvips.Image:
    """Return each pixel's distance from the middle, as part of the corners'."""
    place = pyvips.Image.xyz(width, height)
    x = (place.extract_band(0) - (width - 1) / 2) / (width / 2)
    y = (place.extract_band(1) - (height - 1) / 2) / (height / 2)
    return ((x * x + y * y) / 2) ** 0.5
