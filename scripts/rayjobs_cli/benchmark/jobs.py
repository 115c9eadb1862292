"""The jobs that are timed: a set of pictures and a pipeline; `pillow_way` has the pipelines in Pillow."""

from dataclasses import dataclass
from typing import Any

from rayjobs_cli.benchmark.pictures import LARGE, MEDIUM, PNGS, SMALL, WEBPS, Kind
from rayjobs_cli.benchmark.pillow_way import CROP, EDITED_WIDTH, TEXT, TEXT_AWAY, TEXT_SIZE


@dataclass(frozen=True)
class Pipeline:
    """The filters for each picture, and the output format."""

    name: str
    filters: list[dict[str, Any]]
    output: dict[str, Any]
    """The same for every tool: `effort` is libwebp's method, 4 by default in Pillow, sharp and pyvips."""
    compared: float = 1.0
    """Upper share of the height that is compared: below are letters, which each engine draws differently."""


@dataclass(frozen=True)
class Job:
    """One pipeline over one set: a row of the table for each tool."""

    pipeline: Pipeline
    kind: Kind
    pictures: int
    """Pictures of a run; small sets are repeated, because a run must last some seconds."""
    chunk_size: int
    """Pictures that a tool gives a process at a time, if it can give several."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        return f"{self.pipeline.name}-{self.kind.letter}"

    @property
    def extension(self) -> str:
        """Extension of its outputs."""
        return "webp" if self.pipeline.output["format"] == "webp" else "jpg"


_JPEG = {"format": "jpeg", "quality": 85}
_THUMB = Pipeline("thumb", [{"name": "thumbnail", "size": 512}], _JPEG)
_HEAVY = Pipeline(
    "heavy",
    [
        {"name": "resize", "width": 2048, "height": 2048},
        {"name": "blur", "radius": 5.0},
        {"name": "sharpen", "factor": 2.0},
        {"name": "edges"},
    ],
    _JPEG,
)
_EDIT = Pipeline(
    "edit",
    [
        {"name": "crop_to", "width": CROP[0], "height": CROP[1]},
        {"name": "resize", "width": EDITED_WIDTH, "fit": "inside", "upscale": True},
        {"name": "unsharp", "radius": 2.0, "percent": 150, "threshold": 3},
        {"name": "saturation", "factor": 1.2},
        {
            "name": "text",
            "text": TEXT,
            "size": TEXT_SIZE,
            "gravity": "southeast",
            "margin": TEXT_AWAY,
            "padding": 0,
        },
    ],
    {"format": "webp", "quality": 80, "effort": 4},
    compared=0.9,
)
PIPELINES = {each.name: each for each in (_THUMB, _HEAVY, _EDIT)}
JOBS = (
    Job(_THUMB, SMALL, pictures=2000, chunk_size=8),
    Job(_THUMB, MEDIUM, pictures=240, chunk_size=1),
    Job(_HEAVY, MEDIUM, pictures=60, chunk_size=1),
    Job(_HEAVY, LARGE, pictures=20, chunk_size=1),
    Job(_EDIT, MEDIUM, pictures=40, chunk_size=1),
    Job(_THUMB, LARGE, pictures=40, chunk_size=1),
    Job(_THUMB, PNGS, pictures=120, chunk_size=1),
    Job(_THUMB, WEBPS, pictures=120, chunk_size=1),
)
"""`heavy` is the pipeline that the first version of this product was shown with."""
