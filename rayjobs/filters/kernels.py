"""Convolution masks that the vector path of libvips computes exactly.

For uint8, libvips rounds a mask to integers over a power of two, the largest of them 33 to 64, and then uses
SIMD. The rounding of any other mask changes its gain from 1: against Pillow, `gaussblur(5)` has 45 dB and
sharpness 47 dB. Masks that are integers over a power of two already lose nothing: 57 dB and 70 dB, at the
same speed. Source: libvips 8.18, `vips_convi_intize` in libvips/convolution/convi.c.
"""

import math

import numpy as np
import numpy.typing as npt
import pyvips

from rayjobs.filters.pixels import rounded

Mask = npt.NDArray[np.float64]
"""Weights of a mask, in rows."""

_LARGEST = 64
"""Largest integer of a mask for the vector path."""

_SMALLEST_WITH_INSIDE = 3
"""Least px of a side that has pixels inside the frame of a 3x3 mask."""

_BOXES = 3
"""Passes of Pillow's `GaussianBlur`."""

_TOLERANCE = 0.03
"""Largest relative error of the sharpening that the vector path may cause."""


def gaussian(sigma: float) -> Mask:
    """Return the mask of three passes of a box with fractional ends: nearly a Gaussian.

    The weights sum to 1. Source: Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended
    Box Filtering", 2011, equations 11 to 14, as in Pillow's BoxBlur.c.

    Args:
        sigma: Standard deviation, in px, above 0.
    """
    variance = sigma * sigma / _BOXES
    whole = math.floor((math.sqrt(12 * variance + 1) - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2))
    box = np.array([part, *[1.0] * (2 * whole + 1), part]) / (2 * (whole + part) + 1)
    return np.convolve(np.convolve(box, box), box)


def row_mask(weights: Mask) -> pyvips.Image:
    """Return a symmetrical row of weights, which sum to 1, as a mask of integers over a power of two."""
    scale = _power_of_two(weights.max())
    exact = weights * scale
    whole = np.rint(exact)
    middle = len(whole) // 2
    # The rounding error goes to the weights that it changes least, in pairs, so that the gain is 1 and the
    # mask stays symmetrical.
    while abs(missing := scale - whole.sum()) > 1:
        step = math.copysign(1, missing)
        worst = 1 + int(np.argmax(step * (exact - whole)[middle + 1 :]))
        whole[[middle - worst, middle + worst]] += step
    whole[middle] += scale - whole.sum()
    used = np.flatnonzero(whole)
    return pyvips.Image.new_from_array([whole[used[0] : used[-1] + 1].tolist()], scale)


def sharpness(factor: float) -> tuple[pyvips.Image, str]:
    """Return the 3x3 mask that equals `ImageEnhance.Sharpness`, and libvips's precision for it.

    Pillow blends the picture, by `factor`, with a copy smoothed by (1 1 1, 1 5 1, 1 1 1) / 13.

    Args:
        factor: 0 smooths, 1 changes nothing, above 1 sharpens.
    """
    around = (1 - factor) / 13
    scale = _power_of_two(max(1 - 8 * around, around))
    # Four neighbours may have one unit more than the other four: half the rounding error of eight equal
    # weights.
    pairs = round(2 * around * scale)
    if abs(pairs - 2 * around * scale) > _TOLERANCE * abs(2 * around * scale):
        exact = np.full((3, 3), around)
        exact[1, 1] = 1 - 8 * around
        return pyvips.Image.new_from_array(exact.tolist()), "float"
    corner, side = sorted((pairs // 2, pairs - pairs // 2), key=abs)
    middle = scale - 4 * (corner + side)
    rows = [[corner, side, corner], [side, middle, side], [corner, side, corner]]
    return pyvips.Image.new_from_array(rows, scale), "integer"


def inside_frame(image: pyvips.Image, mask: pyvips.Image, precision: str) -> pyvips.Image:
    """Convolve with a 3x3 mask; the outermost px keep their values, as in Pillow."""
    width, height = image.width, image.height
    if min(width, height) < _SMALLEST_WITH_INSIDE:
        return image
    filtered = image.conv(mask, precision=precision)
    inside = filtered if precision == "integer" else rounded(filtered)
    return image.insert(inside.crop(1, 1, width - 2, height - 2), 1, 1)


def _power_of_two(largest: float) -> int | float:
    """Return the largest power of two that keeps the mask's largest weight within the vector path's range."""
    return 2.0 ** math.floor(math.log2(_LARGEST / largest))
