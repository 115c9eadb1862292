"""How near outputs are to a reference, in dB."""

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

LOOKED_AT = 6
"""Pictures of a run that are compared: the first of its set."""
_EQUAL_DB = 99.0
"""What two equal pictures are given: their PSNR has no number."""

_ROUNDED_PX = 1
"""By which a side may differ: half a pixel is rounded up, to the even number, or off."""

_FRAME_PX = 8
"""Of a frame that is not compared: what a kernel finds beyond the border is each engine's own affair."""


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two RGB pictures of one size, in dB."""
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (one, other))
    error = float(np.mean((a - b) ** 2))
    return min(_EQUAL_DB, 10 * float(np.log10(255**2 / error))) if error else _EQUAL_DB


class Reference:
    """What comes of the first pictures of a job's set in exact numbers.

    It is written in the format of the outputs: the loss of the format itself is on both sides.
    """

    def __init__(self, job: Job, pictures: Sequence[Path]) -> None:
        self._compared = job.pipeline.compared
        self._images = [_rendered(job, path) for path in pictures[:LOOKED_AT]]

    def db(self, outputs: Sequence[Path]) -> float:
        """Return the median PSNR of the first outputs.

        Raises:
            ToolFailedError: One is not a picture, or not of the right size.
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
    """Look into the header of every output.

    Raises:
        ToolFailedError: One is missing, or is no picture.
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
        opened.load()  # whole: what comes then can't decode to less
        reference = exact(job.pipeline.name, opened)
    reference.save(written, **pillow_way.WAYS[job.pipeline.name].options)
    return Image.open(written)
