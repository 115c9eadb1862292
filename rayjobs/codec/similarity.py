"""Structural similarity (SSIM) of the luma of two pictures: how similar they appear to people."""

import numpy as np
import numpy.typing as npt
import pyvips

_LUMA = [[0.299, 0.587, 0.114]]
"""Weights of R, G, B in luma. Source: ITU-R BT.601-7, section 2.5.1."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""Constants of SSIM. Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural
Similarity", 2004."""

_CELL, _WINDOW = 4, 2
"""Px of a cell, and cells of a window: 8 x 8 px in steps of 4, as in the SSIM of ffmpeg and x264. The windows
overlap the blocks of a JPEG, and cost a tenth of a sliding Gaussian."""

Means = npt.NDArray[np.float64]


def ssim(one: pyvips.Image, other: pyvips.Image) -> float:
    """Return the mean structural similarity; 1 for equal pictures.

    Args:
        one: uint8, sRGB or gray, with or without alpha; alpha is flattened on white.
        other: A picture of the same size.
    """
    first, second = _luma(one), _luma(other)
    mean_1, mean_2, square_1, square_2, product = (
        _windows(image) for image in (first, second, first * first, second * second, first * second)
    )
    variances = square_1 - mean_1**2 + square_2 - mean_2**2
    covariance = product - mean_1 * mean_2
    above = (2 * mean_1 * mean_2 + _C1) * (2 * covariance + _C2)
    below = (mean_1**2 + mean_2**2 + _C1) * (variances + _C2)
    return float((above / below).mean())


def _luma(image: pyvips.Image) -> pyvips.Image:
    if image.hasalpha():
        image = image.flatten(background=[255.0] * (image.bands - 1))
    return image.cast("float") if image.bands == 1 else image.recomb(_LUMA).cast("float")


def _windows(values: pyvips.Image) -> Means:
    """Return the mean of each window; a picture smaller than a window is one window."""
    cell = min(_CELL, values.width, values.height)
    cells = values.shrink(cell, cell) if cell > 1 else values
    means = np.frombuffer(cells.write_to_memory(), np.float32).reshape(cells.height, cells.width)
    step = min(_WINDOW, *means.shape)
    windows = np.lib.stride_tricks.sliding_window_view(means.astype(np.float64), (step, step))
    result: Means = windows.mean(axis=(2, 3))
    return result
