"""Filters that change each pixel by itself and leave alpha alone."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Filter
from rayjobs.filters.pixels import is_gray, on_colour, rounded

_LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in luma. Source: ITU-R BT.601-7, section 2.5.1."""

Factor = Annotated[float, Field(ge=0, le=10)]
"""A strength without unit: 0 takes all away, 1 changes nothing; above 10 pictures are white or plain
colours."""

_VALUES = np.arange(256, dtype=np.float32)


class Grayscale(Filter):
    """Keep the luma (ITU-R BT.601) alone, as one band."""

    name: Literal["grayscale"] = "grayscale"

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, _luma)


class Brightness(Filter):
    """Multiply each value by a factor: 0 is black, 1 changes nothing."""

    name: Literal["brightness"] = "brightness"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Brightness`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.factor == 1 else _through_table(image, _VALUES * np.float32(self.factor))


class Contrast(Filter):
    """Spread the values about the mean luma: 0 is an even gray, 1 changes nothing."""

    name: Literal["contrast"] = "contrast"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Contrast`."""

    streams: ClassVar[bool] = False  # the mean needs a first look at every pixel

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        colour = image.extract_band(0, n=1 if is_gray(image) else 3)
        mean = np.float32(int(_luma(colour).avg() + 0.5))
        return _through_table(image, mean + (_VALUES - mean) * np.float32(self.factor))


class Saturation(Filter):
    """Spread the colours about their luma: 0 is gray, 1 changes nothing."""

    name: Literal["saturation"] = "saturation"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Color`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1 or is_gray(image):
            return image
        matrix = np.eye(3) * self.factor + np.outer(np.ones(3), _LUMA) * (1 - self.factor)
        return on_colour(image, lambda colour: rounded(colour.recomb(matrix.tolist())))


def _luma(colour: pyvips.Image) -> pyvips.Image:
    # Not `colourspace("b-w")`: that one goes through linear light, 35 dB away from what everybody calls
    # grayscale.
    if colour.bands == 1:
        return colour
    return rounded(colour.recomb([list(_LUMA)])).copy(interpretation="b-w")


def _through_table(image: pyvips.Image, table: npt.NDArray[np.float32]) -> pyvips.Image:
    """Replace each colour value by its entry, clipped and cut to a whole number as Pillow's blend does."""
    entries = table.clip(0, 255).astype(np.uint8).tobytes()
    lut = pyvips.Image.new_from_memory(entries, len(table), 1, 1, "uchar")
    return on_colour(image, lambda colour: colour.maplut(lut))
