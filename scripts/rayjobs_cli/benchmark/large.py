"""Measures the memory of one picture of 104 megapixels, above that of an engine process at rest."""

import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from rayjobs.engine.allocator import ALLOCATOR
from rayjobs_cli.benchmark import pool
from rayjobs_cli.benchmark.tools import exported

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"
"""Source: proc(5), `/proc/pid/clear_refs`: the peak is that of now."""
_PROGRESSIVE = {"progressive 4:2:0": "4:2:0", "progressive 4:4:4": "4:4:4"}
"""libjpeg keeps all coefficients of such a file, 2 bytes each, until its last scan."""


@dataclass(frozen=True)
class Memory:
    """The memory that a picture needed."""

    picture: str
    pipeline: str
    mib: float
    """Peak of the resident memory in MiB, above that before the picture."""

    def as_json(self) -> dict[str, object]:
        """Return the figures as `--json` prints them."""
        return asdict(self)


def measure(picture: Path, folder: Path) -> Iterator[Memory]:
    """Measure a picture as it is, baseline, and stored progressively, each in a fresh process.

    Args:
        picture: A large baseline JPEG.
        folder: For the progressive files, and for outputs.
    """
    if not _CLEAR.exists():
        return  # only Linux can reset the peak
    folder.mkdir(parents=True, exist_ok=True)
    forms = {"baseline 4:2:0": picture}
    forms |= {name: _progressive(picture, folder, chroma) for name, chroma in _PROGRESSIVE.items()}
    for name, file in forms.items():
        for pipeline in ("thumb", "heavy"):
            with (
                exported(ALLOCATOR),
                ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process,
            ):
                task = pipeline, file, folder / f"{pipeline}.jpg"
                yield Memory(name, pipeline, process.submit(_peak_mib, task).result())


def _progressive(picture: Path, folder: Path, chroma: str) -> Path:
    made = folder / f"{picture.stem}-{chroma.replace(':', '')}.jpg"
    if not made.is_file():
        partial = made.with_suffix(".partial")
        with Image.open(picture) as image:
            image.save(partial, "JPEG", quality=90, subsampling=chroma, progressive=True)
        partial.replace(made)
    return made


def _peak_mib(task: pool.Task) -> float:
    pipeline, _, output = task
    small = output.with_name("small.jpg")
    Image.new("RGB", (64, 64)).save(small)
    pool.by_engine((pipeline, small, output))  # the first picture loads libraries and makes tables
    before = _status_kib("VmRSS")
    _CLEAR.write_text(_FORGET_PEAK, encoding="ascii")
    pool.by_engine(task)
    return round((_status_kib("VmHWM") - before) / 1024, 1)


def _status_kib(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) if found else 0
