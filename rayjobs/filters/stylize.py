"""Filters that leave few values: negate, threshold, posterize, solarize."""

from typing import Annotated, Literal

import numpy as np
import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.pixels import VALUES, luma, on_colour, through_table


class Negate(Edit):
    """Turn light to dark and each colour to its opposite; alpha stays.

    Example:
        {"name": "negate"}
    """

    name: Literal["negate"] = "negate"

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return on_colour(image, lambda colour: colour.invert())


class Threshold(Edit):
    """Make pixels from a level of light on white, and the others black, in one band.

    Example:
        {"name": "threshold", "level": 128}
    """

    name: Literal["threshold"] = "threshold"
    level: Annotated[int, Field(ge=0, le=256)] = 128
    """Least luma that becomes white; at 0 all of it, at 256 none."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        table = np.where(self.level <= VALUES, 255.0, 0.0)
        return through_table(on_colour(image, luma), table)


class Posterize(Edit):
    """Keep only the upper bits of each value: flat areas of few colours.

    Example:
        {"name": "posterize", "bits": 2}
    """

    name: Literal["posterize"] = "posterize"
    bits: Annotated[int, Field(ge=1, le=8, json_schema_extra={"unit": "bits"})]
    """Bits that are kept of 8; 8 changes nothing. Source: Pillow's `ImageOps.posterize`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        step = 2 ** (8 - self.bits)
        return image if step == 1 else through_table(image, VALUES // step * step)


class Solarize(Edit):
    """Turn the light values negative, as on a film that was exposed far too long.

    Example:
        {"name": "solarize", "threshold": 128}
    """

    name: Literal["solarize"] = "solarize"
    threshold: Annotated[int, Field(ge=0, le=256)] = 128
    """Least value that turns; 256 changes nothing. Source: Pillow's `ImageOps.solarize`."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.threshold > VALUES[-1]:
            return image
        return through_table(image, np.where(self.threshold > VALUES, VALUES, 255 - VALUES))


FILTERS: tuple[type[Filter], ...] = (Negate, Threshold, Posterize, Solarize)
