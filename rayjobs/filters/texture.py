"""Filters that add blocks or grain: pixelate, noise."""

from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter
from rayjobs.filters.mosaic import mosaic
from rayjobs.filters.pixels import on_colour, rounded


class Pixelate(Edit):
    """Show each square of pixels as its mean.

    Example:
        {"name": "pixelate", "size": 12}
    """

    name: Literal["pixelate"] = "pixelate"
    size: Annotated[int, Field(ge=1, le=1000, json_schema_extra={"unit": "px"})]
    """Side of the squares, in px; 1 changes nothing, above 1000 one square covers most pictures."""

    streams: ClassVar[bool] = False
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return mosaic(image, self.size)


class Noise(Edit):
    """Add grain; the same seed gives the same grain.

    Example:
        {"name": "noise", "amount": 20, "seed": 7}
    """

    name: Literal["noise"] = "noise"
    amount: Annotated[float, Field(ge=0, le=255)]
    """Standard deviation, in levels; 0 changes nothing, above 255 only noise is left."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the random numbers."""
    coloured: bool = False
    """Whether each band has its own grain, like a camera's; else the grain is gray, like a film's."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image if self.amount == 0 else on_colour(image, self._grainy)

    def _grainy(self, colour: pyvips.Image) -> pyvips.Image:
        grains = [
            pyvips.Image.gaussnoise(
                colour.width, colour.height, mean=0, sigma=self.amount, seed=(self.seed + band) % 2**31
            )
            for band in range(colour.bands if self.coloured else 1)
        ]
        grain = grains[0].bandjoin(grains[1:]) if len(grains) > 1 else grains[0]
        return rounded(colour + grain).copy(interpretation=colour.interpretation)


FILTERS: tuple[type[Filter], ...] = (Pixelate, Noise)
