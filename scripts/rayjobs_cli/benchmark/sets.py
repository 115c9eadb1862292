"""Makes the sets of pictures of the benchmark from the sample pictures: same seed, same bytes.

S is many small pictures, M pictures of a 12 MP camera, L a few large ones and one of 104 MP, all JPEG;
P and W are PNG and WebP of 2.5 MP.
"""

import hashlib
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from rayjobs_cli.benchmark.pictures import Kind, Picture, make, pixels_of, sample_files

SEED = 20_240_229
_FORMS = 1
"""Grows with every change of how a picture is made, so that no older set counts as complete."""

Progress = Callable[[int, int], None]
"""Called with the number of pictures that are made, and the number of all."""


@dataclass(frozen=True)
class PictureSet:
    """A set on the disk.

    Attributes:
        name: The letter of its kind.
        folder: Where its pictures are, and nothing else.
        pictures: How many.
        size: Their bytes.
        made: Whether this call made the set; False if it was complete.
    """

    name: str
    folder: Path
    pictures: int
    size: int
    made: bool


def plan(kind: Kind, count: int, seed: int = SEED) -> list[Picture]:
    """Describe the pictures of a set, without making them.

    Args:
        kind: Their common properties.
        count: How many.
        seed: Another seed gives other pictures.

    Returns:
        The pictures in order.
    """
    return [Picture(kind, index, seed) for index in range(count)]


def make_sets(
    folder: Path,
    counts: Mapping[Kind, int],
    *,
    seed: int = SEED,
    processes: int = 2,
    progress: Progress | None = None,
) -> dict[str, PictureSet]:
    """Make the sets that are not there yet, each in a folder of its name.

    A set whose marker has the same parameters is kept; every other set is made again.

    Args:
        folder: Where the sets go; made if missing.
        counts: Pictures of each kind; with none there is no such set.
        seed: Another seed gives other pictures.
        processes: How many pictures are made at a time.
        progress: Called after each picture.

    Returns:
        Each set by its name.
    """
    plans = {kind: plan(kind, count, seed) for kind, count in counts.items() if count > 0}
    missing = {kind: pictures for kind, pictures in plans.items() if not _is_complete(folder, pictures)}
    for kind, pictures in missing.items():
        _clear(folder, kind, pictures)

    left = Counter({kind: len(pictures) for kind, pictures in missing.items()})
    total = left.total()
    # The longest come first, so that both processes end at about the same time.
    jobs = sorted(
        (picture for pictures in missing.values() for picture in pictures),
        key=lambda one: -pixels_of(one.size),
    )
    for done, picture in enumerate(_make_all(folder, jobs, processes), start=1):
        left[picture.kind] -= 1
        if not left[picture.kind]:
            _marker(folder, picture.kind).write_text(_parameters(missing[picture.kind]), encoding="utf-8")
        if progress:
            progress(done, total)
    return {kind.letter: _describe(folder, plans[kind], made=kind in missing) for kind in plans}


def _make_all(folder: Path, jobs: Sequence[Picture], processes: int) -> Iterator[Picture]:
    if processes <= 1 or not jobs:
        for picture in jobs:
            make(folder, picture)
            yield picture
        return
    # Spawned on every system: a fork would copy locks that threads of the caller hold.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(make, folder, picture): picture for picture in jobs}
        try:
            for future in as_completed(running):
                future.result()
                yield running[future]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _marker(folder: Path, kind: Kind) -> Path:
    return folder / f"{kind.letter}.json"


def _parameters(pictures: Sequence[Picture]) -> str:
    first = pictures[0]
    parameters = {
        "forms": _FORMS,
        "kind": asdict(first.kind),
        "pictures": len(pictures),
        "samples": _samples_digest(),
        "seed": first.seed,
    }
    return json.dumps(parameters, indent=2, sort_keys=True) + "\n"


@cache
def _samples_digest() -> str:
    digest = hashlib.sha256()
    for path in sample_files():
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_complete(folder: Path, pictures: Sequence[Picture]) -> bool:
    kind = pictures[0].kind
    marker = _marker(folder, kind)
    if not marker.is_file() or marker.read_text(encoding="utf-8") != _parameters(pictures):
        return False
    return all((folder / kind.letter / picture.name).is_file() for picture in pictures)


def _clear(folder: Path, kind: Kind, pictures: Sequence[Picture]) -> None:
    _marker(folder, kind).unlink(missing_ok=True)
    place = folder / kind.letter
    place.mkdir(parents=True, exist_ok=True)
    names = {picture.name for picture in pictures}
    # Only files with names of a set: a wrong folder must cost nobody a picture.
    for path in place.glob(f"{kind.letter}-[0-9][0-9][0-9][0-9][0-9].*"):
        if path.name not in names:
            path.unlink()


def _describe(folder: Path, pictures: Sequence[Picture], *, made: bool) -> PictureSet:
    letter = pictures[0].kind.letter
    size = sum((folder / letter / picture.name).stat().st_size for picture in pictures)
    return PictureSet(letter, folder / letter, len(pictures), size, made)
