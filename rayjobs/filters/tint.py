"""Filters that give a picture one or two colours: tint, monochrome, duotone, sepia, colorize."""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.paint import Colour, rgba
from rayjobs.filters.pixels import VALUES, as_rgb, luma, mixed, on_colour, recombined, through_table

Strength = Annotated[float, Field(ge=0, le=1)]
"""Part of the result that is mixed into the picture; 0 changes nothing."""

_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
"""The matrix of sepia. Source: W3C, Filter Effects 1, section 13.1.2, `sepia`."""


class Tint(Edit):
    """Give the picture the hue of one colour, and keep its lightness (CIE Lab): black and white stay.

    Example:
        {"name": "tint", "colour": "#4080ff"}
    """

    name: Literal["tint"] = "tint"
    colour: Colour
    """The colour; its lightness and its alpha are ignored."""
    strength: Strength = 1.0
    """Part of the tinted picture; 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return _coloured(image, self._tinted, self.strength)

    def _tinted(self, colour: pyvips.Image) -> pyvips.Image:
        spot = pyvips.Image.black(1, 1, bands=3) + list(rgba(self.colour)[:3])
        own, a, b = spot.cast("uchar").copy(interpretation="srgb").colourspace("lab")(0, 0)
        lightness = colour.colourspace("lab").extract_band(0)
        # Chroma falls towards black and white: else sRGB would clip it and change the lightness.
        dark, light = lightness / max(1, own), (100 - lightness) / max(1, 100 - own)
        part = (dark < light).ifthenelse(dark, light)
        chroma = (part < 1).ifthenelse(part, 1)
        lab = lightness.bandjoin([chroma * a, chroma * b]).copy(interpretation="lab")
        return lab.colourspace("srgb").cast("uchar")


class Monochrome(Edit):
    """Print the picture in one ink: black stays black, white becomes the colour.

    Example:
        {"name": "monochrome", "colour": "#ffcc66"}
    """

    name: Literal["monochrome"] = "monochrome"
    colour: Colour
    """The colour that white becomes; its alpha is ignored."""
    strength: Strength = 1.0
    """Part of the printed picture; 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return _coloured(image, lambda colour: _between(colour, "black", self.colour), self.strength)


class Duotone(Edit):
    """Print the picture in two inks: black becomes one colour, white the other.

    Example:
        {"name": "duotone", "shadows": "#1a1a5e", "highlights": "#ffd9a0"}
    """

    name: Literal["duotone"] = "duotone"
    shadows: Colour
    """The colour that black becomes. Source: Pillow's `ImageOps.colorize`."""
    highlights: Colour
    """The colour that white becomes."""
    strength: Strength = 1.0
    """Part of the printed picture; 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return _coloured(image, lambda colour: _between(colour, self.shadows, self.highlights), self.strength)


class Sepia(Edit):
    """Make the picture brown, like an old photograph.

    Example:
        {"name": "sepia", "strength": 0.9}
    """

    name: Literal["sepia"] = "sepia"
    strength: Strength = 1.0
    """Part of the brown picture; 0 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.strength == 0:
            return image
        matrix = (np.eye(3) * (1 - self.strength) + _SEPIA * self.strength).tolist()
        return recombined(as_rgb(image), matrix)


class Colorize(Edit):
    """Lay one transparent colour over the picture; alpha stays.

    Example:
        {"name": "colorize", "colour": "#ff4000", "opacity": 0.4}
    """

    name: Literal["colorize"] = "colorize"
    colour: Colour
    """The colour; its alpha is ignored."""
    opacity: Strength
    """Part of the colour; 0 changes nothing, 1 leaves nothing of the picture."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.opacity == 0:
            return image
        tables = [VALUES + np.float32(self.opacity) * (band - VALUES) for band in rgba(self.colour)[:3]]
        return through_table(as_rgb(image), np.stack(tables, axis=1))


FILTERS: tuple[type[Filter], ...] = (Tint, Monochrome, Duotone, Sepia, Colorize)


def _between(colour: pyvips.Image, dark: str, light: str) -> pyvips.Image:
    """Map luma to the colours between two, in integers as Pillow does."""
    values = np.arange(256)
    ends = zip(rgba(dark)[:3], rgba(light)[:3], strict=True)
    tables = np.stack([start + values * (end - start) // 255 for start, end in ends], axis=1)
    gray = luma(colour)
    return through_table(gray.bandjoin([gray, gray]).copy(interpretation="srgb"), tables)


def _coloured(
    image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image], strength: float
) -> pyvips.Image:
    if strength == 0:
        return image

    def mix(colour: pyvips.Image) -> pyvips.Image:
        changed = change(colour)
        return changed if strength == 1 else mixed(colour, changed, strength)

    return on_colour(as_rgb(image), mix)
