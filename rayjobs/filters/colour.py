"""Filters of colour as a whole: hue, modulate, temperature, channel, channel_mixer, flatten, opacity."""

import math
from typing import Annotated, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.paint import Colour, ink, primed, rgba
from rayjobs.filters.pixels import (
    LUMA,
    alpha_of,
    as_rgb,
    colour_of,
    from_array,
    has_alpha,
    is_gray,
    on_colour,
    recombined,
    with_alpha,
)

Angle = Annotated[float, Field(ge=-360, le=360, json_schema_extra={"unit": "degrees"})]
"""On the wheel of colours: 120 makes red green; more than a whole turn is a mistake."""

Weight = Annotated[float, Field(ge=-10, le=10)]
"""Share of one band in another; beyond 10 only black and white are left."""

Row = tuple[Weight, Weight, Weight]


class Hue(Edit):
    """Turn the colours round the wheel, about their luma: quick, and as CSS's `hue-rotate` does.

    Example:
        {"name": "hue", "angle": 90}
    """

    name: Literal["hue"] = "hue"
    angle: Angle
    """Turn, in degrees; 0 and 360 change nothing. Source: W3C, Filter Effects 1, `feColorMatrix`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.angle % 360 == 0 or is_gray(image):
            return image
        return recombined(image, hue_matrix(self.angle).tolist())


class Modulate(Edit):
    """Change lightness, chroma and hue as the eye sees them (CIE LCh); slower than `hue` and `saturation`.

    Example:
        {"name": "modulate", "brightness": 1.1, "saturation": 1.4, "hue": 30}
    """

    name: Literal["modulate"] = "modulate"
    brightness: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Factor of the lightness; 1 changes nothing."""
    saturation: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Factor of the chroma; 0 is gray, 1 changes nothing."""
    hue: Angle = 0.0
    """Turn of the hue, in degrees."""
    lightness: Annotated[float, Field(ge=-100, le=100)] = 0.0
    """Added to the lightness, which runs from 0 (black) to 100 (white)."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        factors, offsets = [self.brightness, self.saturation, 1], [self.lightness, 0, self.hue % 360]
        if factors == [1, 1, 1] and offsets == [0, 0, 0]:
            return image
        gray = is_gray(image)

        def change(colour: pyvips.Image) -> pyvips.Image:
            lch = (colour.colourspace("lch") * factors + offsets).copy(interpretation="lch")
            changed = lch.colourspace("srgb").cast("uchar")
            return changed.extract_band(1).copy(interpretation="b-w") if gray else changed

        return on_colour(as_rgb(image), change)


class Temperature(Edit):
    """Make the light warmer (above 0) or colder (below 0); the luma of a gray stays.

    Example:
        {"name": "temperature", "warmth": 0.4}
    """

    name: Literal["temperature"] = "temperature"
    warmth: Annotated[float, Field(ge=-1, le=1)]
    """No unit: 1 is candle light, -1 deep shade, 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.warmth == 0:
            return image
        gains = np.array([1 + 0.3 * self.warmth, 1.0, 1 - 0.3 * self.warmth])
        gains /= gains @ LUMA
        return recombined(as_rgb(image), np.diag(gains).tolist())


class Channel(Edit):
    """Keep only one band, as gray.

    Example:
        {"name": "channel", "band": "red"}
    """

    name: Literal["channel"] = "channel"
    band: Literal["red", "green", "blue", "alpha"]
    """The band; in a gray picture each colour band is the gray, in an opaque picture alpha is white."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.band == "alpha":
            found = with_alpha(image).extract_band(image.bands - has_alpha(image))
        else:
            found = as_rgb(image).extract_band(("red", "green", "blue").index(self.band))
        return found.copy(interpretation="b-w")


class ChannelMixer(Edit):
    """Compute each colour band anew from shares of all three.

    Example:
        {"name": "channel_mixer", "red": [0, 1, 0], "green": [0, 0, 1], "blue": [1, 0, 0]}
    """

    name: Literal["channel_mixer"] = "channel_mixer"
    red: Row = Field((1, 0, 0), strict=False)
    """Shares of red, green and blue in the new red."""
    green: Row = Field((0, 1, 0), strict=False)
    """Shares of red, green and blue in the new green."""
    blue: Row = Field((0, 0, 1), strict=False)
    """Shares of red, green and blue in the new blue."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        rows = np.array([self.red, self.green, self.blue])
        return image if (rows == np.eye(3)).all() else recombined(as_rgb(image), rows.tolist())


class Flatten(Edit):
    """Lay the picture on a colour: transparent parts show it, the result is opaque.

    Example:
        {"name": "flatten", "background": "#ffe0c0"}
    """

    name: Literal["flatten"] = "flatten"
    background: Colour = "white"
    """The colour behind the picture; its alpha is ignored."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if not has_alpha(image):
            return image
        red, green, blue, _ = rgba(self.background)
        solid = f"#{red:02x}{green:02x}{blue:02x}"
        able = primed(image, solid)
        return able.flatten(background=ink(able, solid)[:-1])


class Opacity(Edit):
    """Make the picture see-through; it gets alpha if it has none.

    Example:
        {"name": "opacity", "factor": 0.5}
    """

    name: Literal["opacity"] = "opacity"
    factor: Annotated[float, Field(ge=0, le=1)]
    """Factor of alpha; 0 makes the picture invisible, 1 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        table = np.floor(np.arange(256) * self.factor + 0.5).astype(np.uint8).reshape(1, 256, 1)
        clear = with_alpha(image)
        return colour_of(clear).bandjoin(alpha_of(clear).maplut(from_array(table)))


FILTERS: tuple[type[Filter], ...] = (Hue, Modulate, Temperature, Channel, ChannelMixer, Flatten, Opacity)


def hue_matrix(angle: float) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Return the matrix that turns hues. Source: W3C, Filter Effects 1, `feColorMatrix`, `hueRotate`."""
    turn = math.radians(angle)
    weights = np.array([0.213, 0.715, 0.072])
    even = np.outer(np.ones(3), weights)
    sine = np.array(
        [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]], dtype=np.float64
    )
    matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (
        even + math.cos(turn) * (np.eye(3) - even) + math.sin(turn) * sine
    )
    return matrix
