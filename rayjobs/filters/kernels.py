"""Convolution masks that libvips's vector path carries out exactly.

For uint8, libvips rounds a mask to whole numbers over a power of two, the largest of them 33 to 64, and
then works with SIMD. A mask that is not made for it is rounded to another gain than 1: `gaussblur(5)` is
45 dB away from Pillow, sharpness 47 dB. Masks that are whole numbers over a power of two from the start
lose nothing: 57 dB and 70 dB, at the same speed. Source: libvips 8.18, `vips_convi_intize` in
libvips/convolution/convi.c.
"""

import math

import numpy as np
import numpy.typing as npt
import pyvips

from rayjobs.filters.pixels import rounded

Mask = npt.NDArray[np.float64]
"""Weights, in rows."""

_LARGEST = 64
"""Largest whole number of a mask for the vector path."""

_SMALLEST_WITH_INSIDE = 3
"""A side of fewer px is all frame for a 3x3 kernel."""

_BOXES = 3
"""Passes of Pillow's `GaussianBlur`."""

_TOLERANCE = 0.03
"""Part by which a sharpening may be stronger or weaker than asked for the sake of the vector path."""


def gaussian(sigma: float) -> Mask:
    """Return what three passes of a box, its last pixels partly counted, amount to: nearly a Gaussian.

    Sums to 1. Source: Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box
    Filtering", 2011, equations 11 to 14, as in Pillow's BoxBlur.c.

    Args:
        sigma: Standard deviation, in px, above 0.
    """
    variance = sigma * sigma / _BOXES
    whole = math.floor((math.sqrt(12 * variance + 1) - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2))
    box = np.array([part, *[1.0] * (2 * whole + 1), part]) / (2 * (whole + part) + 1)
    return np.convolve(np.convolve(box, box), box)


def row_mask(weights: Mask) -> pyvips.Image:
    """Return a symmetrical row of weights, which sum to 1, as a mask of whole numbers over a power of two."""
    scale = _power_of_two(weights.max())
    exact = weights * scale
    whole = np.rint(exact)
    middle = len(whole) // 2
    # What rounding gained or lost goes where it hurts least, in pairs, so that the mask's gain is 1 and it
    # stays even.
    while abs(missing := scale - whole.sum()) > 1:
        step = math.copysign(1, missing)
        worst = 1 + int(np.argmax(step * (exact - whole)[middle + 1 :]))
        whole[[middle - worst, middle + worst]] += step
    whole[middle] += scale - whole.sum()
    used = np.flatnonzero(whole)
    return pyvips.Image.new_from_array([whole[used[0] : used[-1] + 1].tolist()], scale)


def sharpness(factor: float) -> tuple[pyvips.Image, str]:
    """Return the one 3x3 mask that `ImageEnhance.Sharpness` amounts to, and libvips's precision for it.

    Pillow blends the picture with itself smoothed by (1 1 1, 1 5 1, 1 1 1) / 13, by `factor`.

    Args:
        factor: 0 is smoothed, 1 changes nothing, above 1 sharpens.
    """
    around = (1 - factor) / 13
    scale = _power_of_two(max(1 - 8 * around, around))
    # Four neighbours may have one unit more than the other four: half the rounding of eight equal ones.
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
