"""Computes each pipeline in exact numbers: floats throughout, rounded once at the end.

So every tool is compared with the operation itself, and no tool, not even Pillow, is its own reference.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from rayjobs_cli.benchmark.pillow_way import CROP, EDITED_WIDTH

Pixels = npt.NDArray[np.float32]
"""(H, W, 3), 0 to 255."""

_REACH = 4
"""Sigmas at which the kernel of a Gaussian ends: a 10,000th part lies beyond."""
_THRESHOLD = 3.5
"""Whole numbers above 3 begin with 4; for exact numbers the threshold is the middle of both."""
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
_EDGES = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def exact(pipeline: str, image: Image.Image) -> Image.Image:
    """Return the result of a pipeline for a picture that was decoded whole; that of `edit` has no text."""
    pixels = _PIPELINES[pipeline](ImageOps.exif_transpose(image).convert("RGB"))
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _thumb(image: Image.Image) -> Pixels:
    ratio = min(1.0, 512 / max(image.size))
    return _resized(image, max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))


def _heavy(image: Image.Image) -> Pixels:
    blurred = _gaussian(_resized(image, 2048, 2048), 5.0)
    sharp = (2 * blurred - _convolved(blurred, _SMOOTH)).clip(0, 255)
    return _convolved(sharp, _EDGES)


def _edit(image: Image.Image) -> Pixels:
    width, height = min(CROP[0], image.width), min(CROP[1], image.height)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    cut = image.crop((left, top, left + width, top + height))
    small = _resized(cut, EDITED_WIDTH, round(height * EDITED_WIDTH / width))
    differs = small - _gaussian(small, 2.0)
    sharp = np.where(np.abs(differs) > _THRESHOLD, small + 1.5 * differs, small).clip(0, 255)
    luma = (sharp @ _LUMA)[..., None]
    vivid: Pixels = luma + 1.2 * (sharp - luma)
    return vivid


_PIPELINES: dict[str, Callable[[Image.Image], Pixels]] = {"thumb": _thumb, "heavy": _heavy, "edit": _edit}


def _resized(image: Image.Image, width: int, height: int) -> Pixels:
    # Pillow resizes floats as floats.
    bands = [band.convert("F").resize((width, height), Image.Resampling.LANCZOS) for band in image.split()]
    pixels: Pixels = np.stack([np.asarray(band) for band in bands], axis=2).clip(0, 255)
    return pixels


def _gaussian(pixels: Pixels, sigma: float) -> Pixels:
    reach = round(_REACH * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    return _convolved(_convolved(pixels, weights[None]), weights[:, None])


def _convolved(pixels: Pixels, kernel: npt.NDArray[np.float64]) -> Pixels:
    """Return the weighted sum of neighbours; the pixels of the border are repeated beyond it."""
    down, across = (side // 2 for side in kernel.shape)
    wide = np.pad(pixels, ((down, down), (across, across), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    total = np.zeros_like(pixels)
    for (row, column), weight in np.ndenumerate(kernel):
        total += np.float32(weight) * wide[row : row + height, column : column + width]
    return total
