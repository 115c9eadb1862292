"""Filters that map the values to new ones: gamma, levels, curves, auto_levels, equalize, clahe."""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyvips
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.curve import Curve, through_points
from rayjobs.filters.equalizing import equalized
from rayjobs.filters.pixels import (
    VALUES,
    as_rgb,
    from_array,
    held,
    histogram,
    is_gray,
    luma,
    on_colour,
    rounded,
    through_table,
    to_array,
)

Gamma_ = Annotated[float, Field(ge=0.1, le=10)]
"""An exponent, without unit; below 0.1 or above 10 a picture has only two values left."""

Level = Annotated[int, Field(ge=0, le=255)]
"""A value of a band, 0 to 255."""

_LABS_STEP = 32767 / 255
"""One step of 8 bits in libvips's lightness of 15 bits."""

_NO_CHANGE: Curve = ((0, 0), (255, 255))


class Gamma(Edit):
    """Lighten (above 1) or darken (below 1) the middle values; black and white stay.

    Example:
        {"name": "gamma", "gamma": 1.8}
    """

    name: Literal["gamma"] = "gamma"
    gamma: Gamma_
    """The exponent: each value, scaled to 0 to 1, is raised to 1 / gamma; 1 changes nothing."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.gamma == 1 else through_table(image, _powers(VALUES, 1 / self.gamma) + 0.5)


class Levels(Edit):
    """Make one level black and one white, and spread the values between them.

    Example:
        {"name": "levels", "black": 20, "white": 220, "gamma": 1.2}
    """

    name: Literal["levels"] = "levels"
    black: Level = 0
    """Values up to this one become `to_black`."""
    white: Level = 255
    """Values from this one on become `to_white`; above `black`."""
    gamma: Gamma_ = 1.0
    """Each value between, scaled to 0 to 1, is raised to 1 / gamma."""
    to_black: Level = 0
    """The value that black becomes."""
    to_white: Level = 255
    """The value that white becomes; below `to_black` the picture turns negative."""

    @model_validator(mode="after")
    def _white_is_above_black(self) -> Self:
        if self.white <= self.black:
            raise PydanticCustomError(
                "levels", "white ({white}) must be above black ({black})", self.model_dump()
            )
        return self

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self == Levels():
            return image
        inside = ((VALUES - self.black) / (self.white - self.black)).clip(0, 1) * 255
        spread = _powers(inside, 1 / self.gamma) / 255
        return through_table(image, self.to_black + spread * (self.to_white - self.to_black) + 0.5)


class Curves(Edit):
    """Map values along smooth curves through given points: one curve for all bands, and one for each band.

    Example:
        {"name": "curves", "all": [[0, 0], [64, 48], [192, 208], [255, 255]], "blue": [[0, 30], [255, 230]]}
    """

    name: Literal["curves"] = "curves"
    all: Curve = _NO_CHANGE
    """Points (from, to), 0 to 255, `from` rising; before the first and after the last point the curve is
    level. It applies to every band, before the curve of the band."""
    red: Curve = _NO_CHANGE
    """The curve of the red band."""
    green: Curve = _NO_CHANGE
    """The curve of the green band."""
    blue: Curve = _NO_CHANGE
    """The curve of the blue band."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self == Curves():
            return image
        own = [self.red, self.green, self.blue]
        common = through_points(self.all)
        if all(each == _NO_CHANGE for each in own):
            return through_table(image, common + 0.5)
        bands = [through_points(each, common) for each in own]
        return through_table(as_rgb(image), np.stack(bands, axis=1) + 0.5)


class AutoLevels(Edit):
    """Spread the values so that the darkest pixels become black and the lightest white.

    Example:
        {"name": "auto_levels", "cutoff": 1}
    """

    name: Literal["auto_levels"] = "auto_levels"
    cutoff: Annotated[float, Field(ge=0, lt=50, json_schema_extra={"unit": "%"})] = 0
    """Part of the pixels, in %, that is clipped at each end; at 50 no value is left between.
    Source: Pillow's `ImageOps.autocontrast`."""
    bands: Literal["together", "apart"] = "together"
    """`together` keeps the balance of the colours (Pillow's `preserve_tone`), `apart` removes a colour
    cast."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        counts = histogram(on_colour(image, luma) if self.bands == "together" else image)
        return through_table(image, np.stack([self._spread(each) for each in counts.T], axis=1))

    def _spread(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        beyond = int(counts.sum() * self.cutoff // 100)
        low = int(np.argmax(counts.cumsum() > beyond))
        high = 255 - int(np.argmax(counts[::-1].cumsum() > beyond))
        if high <= low:
            return np.arange(256.0)
        scale = 255.0 / (high - low)
        spread: npt.NDArray[np.float64] = np.arange(256.0) * scale + -low * scale
        return spread


class Equalize(Edit):
    """Spread the values of each band so that all are about equally frequent.

    Example:
        {"name": "equalize"}
    """

    name: Literal["equalize"] = "equalize"

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        counts = histogram(image)
        return through_table(image, np.stack([_equalized(each) for each in counts.T], axis=1))


class Clahe(Edit):
    """Raise the local contrast up to a limit (CLAHE); colours keep their hue.

    Example:
        {"name": "clahe", "tiles": 6, "limit": 2}
    """

    name: Literal["clahe"] = "clahe"
    tiles: Annotated[int, Field(ge=1, le=64)] = 8
    """Tiles in a row and in a column; more tiles are stronger, above 64 only noise is left."""
    limit: Annotated[float, Field(ge=1, le=100)] = 2.0
    """Largest slope of the mapping: 1 changes almost nothing, above 100 nothing is limited."""

    streams: ClassVar[bool] = False
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, self._gray if is_gray(image) else self._coloured)

    def _gray(self, gray: pyvips.Image) -> pyvips.Image:
        plane = equalized(to_array(gray)[..., 0], self.tiles, self.limit)
        return from_array(plane[..., None])

    def _coloured(self, colour: pyvips.Image) -> pyvips.Image:
        lab = held(colour).colourspace("labs")
        lightness = self._gray(rounded(lab.extract_band(0) / _LABS_STEP)) * _LABS_STEP
        joined = lightness.cast("short").bandjoin(lab.extract_band(1, n=2)).copy(interpretation="labs")
        return joined.colourspace("srgb").cast("uchar")


FILTERS: tuple[type[Filter], ...] = (Gamma, Levels, Curves, AutoLevels, Equalize, Clahe)


def _powers(values: npt.NDArray[np.float32], exponent: float) -> npt.NDArray[np.float64]:
    powers: npt.NDArray[np.float64] = 255 * (values.astype(np.float64) / 255) ** exponent
    return powers


def _equalized(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the table of the new values. Source: Pillow's `ImageOps.equalize`."""
    used = counts[counts > 0]
    step = int(counts.sum() - used[-1]) // 255 if len(used) else 0
    if step == 0:
        return np.arange(256)
    below: npt.NDArray[np.int64] = counts.cumsum() - counts
    return (step // 2 + below) // step
