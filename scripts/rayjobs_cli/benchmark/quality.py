"""Compares outputs with a reference, in dB."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.benchmark.reference import exact
from rayjobs_cli.benchmark.tools import ToolFailedError

COMPARED_PICTURES = 6
"""Pictures of a run that are compared: the first of the set."""
_EQUAL_DB = 99.0
"""The result for two equal pictures: their PSNR is infinite."""

_ROUNDED_PX = 1
"""Allowed difference of a side: tools round half a pixel up, down, or to even."""

_FRAME_PX = 8
"""Width of the frame that is not compared: engines differ in what a kernel reads beyond the border."""


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two RGB pictures of one size, in dB."""
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (one, other))
    error = float(np.mean((a - b) ** 2))
    return min(_EQUAL_DB, 10 * float(np.log10(255**2 / error))) if error else _EQUAL_DB


class Reference:
    """The first pictures of a job, made with exact numbers.

    They are written in the format of the outputs, so both sides have the loss of the format.
    """

    def __init__(self, job: Job, pictures: Sequence[Path]) -> None:
        self._compared = job.pipeline.compared
        self._images = [_rendered(job, path) for path in pictures[:COMPARED_PICTURES]]

    def db(self, outputs: Sequence[Path]) -> float:
        """Return the median PSNR of the first outputs.

        Raises:
            ToolFailedError: An output is no picture, or has the wrong size.
        """
        found = []
        for image, path in zip(self._images, outputs, strict=False):
            with _opened(path) as output:
                if any(abs(a - b) > _ROUNDED_PX for a, b in zip(image.size, output.size, strict=True)):
                    raise ToolFailedError(f"{path.name} is {output.size}, not {image.size}")
                found.append(psnr(*(self._piece(each, image, output) for each in (image, output))))
        return round(median(found), 1)

    def _piece(self, image: Image.Image, *others: Image.Image) -> Image.Image:
        width, height = (min(sides) for sides in zip(*(each.size for each in others), strict=True))
        right, lower = width - _FRAME_PX, min(int(height * self._compared), height - _FRAME_PX)
        return image.crop((_FRAME_PX, _FRAME_PX, right, lower))


def check(outputs: Sequence[Path]) -> None:
    """Read the header of every output.

    Raises:
        ToolFailedError: An output is missing, or is no picture.
    """
    for path in outputs:
        _opened(path).close()


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except OSError as error:
        raise ToolFailedError(f"{path.name} is no picture: {error}") from error


def _rendered(job: Job, path: Path) -> Image.Image:
    written = BytesIO()
    with Image.open(path) as opened:
        opened.load()  # decoded whole here: no later step can decode at a reduced size
        reference = exact(job.pipeline.name, opened)
    reference.save(written, **pillow_way.WAYS[job.pipeline.name].options)
    return Image.open(written)
