"""The work of one process of a hand-written pool, as simple as a user would write it."""

from pathlib import Path

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import render
from rayjobs.request.pipeline import parse_pipeline
from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.jobs import PIPELINES

Task = tuple[str, Path, Path]
"""The pipeline's name, the picture, and where its output goes."""

_FILTERS = {name: parse_pipeline(each.filters) for name, each in PIPELINES.items()}
_ENCODINGS = {name: Encoding(**each.output) for name, each in PIPELINES.items()}


def by_engine(task: Task) -> None:
    """Run a picture through the engine of this project."""
    name, picture, output = task
    output.write_bytes(render(picture.read_bytes(), _FILTERS[name], _ENCODINGS[name], Limits()).data)


def by_pillow(task: Task) -> None:
    """Run a picture through plain Pillow."""
    pillow_way.work(*task)
