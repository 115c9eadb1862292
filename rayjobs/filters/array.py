"""The base of users' own filters: NumPy in, NumPy out.

An array is (height, width, bands) of uint8 in sRGB, upright and of one frame; sources with 16 bits, CMYK or a
palette were brought to that. 1 band is gray, 2 are gray and alpha, 3 are RGB, 4 are RGBA; alpha is not
premultiplied, 255 is opaque. What comes back may have another size and other bands, by the same rules.

How one is found: `plugins`; an example, and how to install it: `tests/example_plugin`.
"""

import logging
from abc import abstractmethod
from typing import ClassVar

import numpy as np
import pyvips
from typing_extensions import override

from rayjobs.errors import FilterFailedError, ItemError
from rayjobs.filters.base import MAX_SIDE, Filter, Scene
from rayjobs.filters.pixels import HELD_PIXELS, Array, from_array, to_array

__all__ = ["Array", "ArrayFilter", "FilterFailedError"]

log = logging.getLogger(__name__)

_MOST_BANDS = 4
_EXPECTED = f"uint8 (height, width, bands), sides of 1 to {MAX_SIDE} px, 1 to {_MOST_BANDS} bands"


class ArrayFilter(Filter):
    """A filter that computes on an array; fields, docstring and example follow the rules of `Filter`."""

    streams: ClassVar[bool] = False

    @override
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        size = image.width * image.height
        if size > HELD_PIXELS:
            text = f"{self.name}: {size} pixels are more than {HELD_PIXELS}, which an array may hold"
            raise FilterFailedError(text, limit=HELD_PIXELS, actual=size)
        pixels = to_array(image)
        try:
            result = self.apply(pixels)
        except (ItemError, MemoryError):
            raise
        except Exception as error:
            log.exception("plug-in filter %s failed", self.name)
            raise FilterFailedError(f"{self.name}: {type(error).__name__}: {error}") from error
        return from_array(self._checked(result))

    @abstractmethod
    def apply(self, pixels: Array) -> Array:
        """Return the filtered picture.

        Args:
            pixels: A copy for this filter: it may be changed and returned.

        Raises:
            FilterFailedError: The filter can't be applied to this picture; any other error means the same.
        """

    def _checked(self, result: object) -> Array:
        """Return the result if it is a picture; else raise a `FilterFailedError` that names what it is."""
        if not isinstance(result, np.ndarray):
            got = type(result).__name__
        elif result.dtype != np.uint8 or not _is_picture(result.shape):
            got = f"{result.dtype} {result.shape}"
        else:
            return result
        text = f"{self.name}: returned {got}, expected {_EXPECTED}"
        raise FilterFailedError(text, limit=_EXPECTED, actual=got)


def _is_picture(shape: tuple[int, ...]) -> bool:
    limits = (MAX_SIDE, MAX_SIDE, _MOST_BANDS)
    return len(shape) == len(limits) and all(0 < n <= most for n, most in zip(shape, limits, strict=True))
