"""Hashes that are near each other for pictures that look alike: phash, dhash, ahash; 64 bits as hex.

The number of bits in which two differ is their distance: up to about 10 it is the same picture, scaled,
recompressed or lightly edited. Bits and their order are those of the ImageHash package.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyvips
from pydantic import JsonValue
from typing_extensions import override

from rayjobs.filters.base import Analysis, Facts, Filter
from rayjobs.filters.miniature import at_size
from rayjobs.filters.pixels import luma

_SIDE = 8
"""Bits in a row; 8 rows make 64."""

_WAVES = 32
"""px; side of the picture whose waves `phash` measures."""


class Phash(Analysis):
    """Report a hash of the coarsest waves of the luma: robust to scaling, light and compression.

    Example:
        {"name": "phash"}
    """

    name: Literal["phash"] = "phash"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        values = at_size(luma(image), (_WAVES, _WAVES)).astype(np.float64)
        waves = np.cos(np.pi * np.outer(np.arange(_SIDE), 2 * np.arange(_WAVES) + 1) / (2 * _WAVES))
        low = waves @ values @ waves.T
        return _hex(low > np.median(low))


class Dhash(Analysis):
    """Report a hash of where the luma rises from left to right: quick, robust to light and contrast.

    Example:
        {"name": "dhash"}
    """

    name: Literal["dhash"] = "dhash"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        values = at_size(luma(image), (_SIDE + 1, _SIDE))
        return _hex(values[:, 1:] > values[:, :-1])


class Ahash(Analysis):
    """Report a hash of where the luma is above its mean: the quickest and the coarsest.

    Example:
        {"name": "ahash"}
    """

    name: Literal["ahash"] = "ahash"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        values = at_size(luma(image), (_SIDE, _SIDE))
        return _hex(values > values.mean())


FILTERS: tuple[type[Filter], ...] = (Phash, Dhash, Ahash)


def _hex(bits: npt.NDArray[np.bool_]) -> str:
    return np.packbits(bits.ravel()).tobytes().hex()
