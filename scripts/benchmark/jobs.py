"""What is timed: a set of pictures and a pipeline, in our words and in plain Pillow's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from scripts.benchmark.pictures import LARGE, MEDIUM, SMALL, Kind

QUALITY = 85
"""Of every JPEG that a tool writes."""


@dataclass(frozen=True)
class Job:
    """One row of the table for each tool."""

    name: str
    kind: Kind
    pipeline: list[dict[str, Any]]
    pillow: Callable[[Image.Image], Image.Image]
    """The same as a user would write it with Pillow; may decode to less than the whole picture."""
    pictures: int
    """How many are run, some of the set more than once: a run must last for seconds to mean anything."""
    a_chunk: int
    """Pictures that a hand-written pool gives a process at a time."""


def _thumb(image: Image.Image) -> Image.Image:
    image.thumbnail((512, 512))
    return ImageOps.exif_transpose(image).convert("RGB")


def _heavy(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image).convert("RGB")
    resized = upright.resize((2048, 2048), Image.Resampling.LANCZOS)
    blurred = resized.filter(ImageFilter.GaussianBlur(5.0))
    return ImageEnhance.Sharpness(blurred).enhance(2.0).filter(ImageFilter.FIND_EDGES)


_THUMB: list[dict[str, Any]] = [{"name": "thumbnail", "size": 512}]
_HEAVY: list[dict[str, Any]] = [
    {"name": "resize", "width": 2048, "height": 2048},
    {"name": "blur", "radius": 5.0},
    {"name": "sharpen", "factor": 2.0},
    {"name": "edges"},
]
JOBS = (
    Job("thumb", SMALL, _THUMB, _thumb, pictures=2000, a_chunk=8),
    Job("thumb", MEDIUM, _THUMB, _thumb, pictures=240, a_chunk=1),
    Job("heavy", MEDIUM, _HEAVY, _heavy, pictures=60, a_chunk=1),
    Job("heavy", LARGE, _HEAVY, _heavy, pictures=20, a_chunk=1),
)
"""The promises of the README are about the first three. `heavy` is the seed's chain."""
