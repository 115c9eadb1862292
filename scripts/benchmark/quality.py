"""How near outputs are to a reference, in dB."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from scripts.benchmark.jobs import QUALITY, Job

LOOKED_AT = 6
"""Pictures of a run that are compared: the first of its set."""
_EQUAL_DB = 99.0
"""What two equal pictures are given: their PSNR has no number."""


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two RGB pictures of one size, in dB."""
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (one, other))
    error = float(np.mean((a - b) ** 2))
    return min(_EQUAL_DB, 10 * float(np.log10(255**2 / error))) if error else _EQUAL_DB


class Reference:
    """What plain Pillow makes of the first pictures of a job's set when it decodes them whole.

    It is written as JPEG like the outputs: the loss of the format itself is on both sides.
    """

    def __init__(self, job: Job, pictures: Sequence[Path]) -> None:
        self._images = [_rendered(job, path) for path in pictures[:LOOKED_AT]]

    def db(self, outputs: Sequence[Path]) -> float:
        """Return the median PSNR of the first outputs; outputs of another size count as 0 dB."""
        found = []
        for image, path in zip(self._images, outputs, strict=False):
            with Image.open(path) as output:
                found.append(psnr(image, output) if image.size == output.size else 0.0)
        return round(median(found), 1)


def _rendered(job: Job, path: Path) -> Image.Image:
    with Image.open(path) as opened:
        opened.load()  # whole: what comes then can't decode to less
        written = BytesIO()
        job.pillow(opened).save(written, "jpeg", quality=QUALITY)
    return Image.open(written)
