"""Filters that change each pixel by itself, as Pillow's enhancements do, and leave alpha alone."""

from typing import Annotated, ClassVar, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.pixels import (
    LUMA,
    VALUES,
    histogram,
    is_gray,
    luma,
    on_colour,
    recombined,
    through_table,
)

Factor = Annotated[float, Field(ge=0, le=10)]
"""A strength without unit: 0 takes all away, 1 changes nothing; above 10 pictures are white or plain
colours."""


class Grayscale(Edit):
    """Keep only the luma (ITU-R BT.601), as one band.

    Example:
        {"name": "grayscale"}
    """

    name: Literal["grayscale"] = "grayscale"

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, luma)


class Brightness(Edit):
    """Multiply each value by a factor: 0 is black, 1 changes nothing.

    Example:
        {"name": "brightness", "factor": 1.3}
    """

    name: Literal["brightness"] = "brightness"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Brightness`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.factor == 1 else through_table(image, VALUES * np.float32(self.factor))


class Contrast(Edit):
    """Spread the values about the mean luma: 0 is an even gray, 1 changes nothing.

    Example:
        {"name": "contrast", "factor": 1.5}
    """

    name: Literal["contrast"] = "contrast"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Contrast`."""

    streams: ClassVar[bool] = False  # the mean needs a first look at every pixel

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1:
            return image
        counts = histogram(on_colour(image, luma))[:, 0]
        mean = np.float32(int(counts @ VALUES / max(1, counts.sum()) + 0.5))
        return through_table(image, mean + (VALUES - mean) * np.float32(self.factor))


class Saturation(Edit):
    """Spread the colours about their luma: 0 is gray, 1 changes nothing.

    Example:
        {"name": "saturation", "factor": 1.6}
    """

    name: Literal["saturation"] = "saturation"
    factor: Factor
    """Strength, no unit. Source: Pillow's `ImageEnhance.Color`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.factor == 1 or is_gray(image):
            return image
        matrix = np.eye(3) * self.factor + np.outer(np.ones(3), LUMA) * (1 - self.factor)
        return recombined(image, matrix.tolist())


FILTERS: tuple[type[Filter], ...] = (Grayscale, Brightness, Contrast, Saturation)
