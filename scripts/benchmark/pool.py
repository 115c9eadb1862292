"""The work of one process of a hand-written pool: as straight as a user would write it."""

from pathlib import Path

from PIL import Image

from rayjobs.codec import Encoding, Limits
from rayjobs.engine import render
from rayjobs.pipeline import parse_pipeline
from scripts.benchmark.jobs import JOBS, QUALITY

Task = tuple[str, Path, Path]
"""The job's name, the picture, and where its output goes."""

_ENCODING = Encoding(format="jpeg", quality=QUALITY)
_PIPELINES = {job.name: parse_pipeline(job.pipeline) for job in JOBS}
_PILLOW = {job.name: job.pillow for job in JOBS}


def by_engine(task: Task) -> None:
    """Run a picture through the engine of this project."""
    job, picture, output = task
    output.write_bytes(render(picture.read_bytes(), _PIPELINES[job], _ENCODING, Limits()).data)


def by_pillow(task: Task) -> None:
    """Run a picture through plain Pillow."""
    job, picture, output = task
    with Image.open(picture) as image:
        _PILLOW[job](image).save(output, quality=QUALITY)
