"""Makes the benchmark's three sets of pictures out of the sample pictures: same seed, same bytes.

S is many small pictures, M pictures of a 12 MP camera, L a few large ones and one of 104 MP. Each picture is
a crop of a sample, scaled by Lanczos, with a little noise in its luminance: a scaled-up crop is too smooth,
and would weigh and decode like no file that a camera makes.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SAMPLES = Path(__file__).resolve().parent.parent / "images" / "samples"
SEED = 20_240_229
EXIT_ENVIRONMENT = 3

_ORIENTATION = 0x0112
_TURNED = 6
_BAND_ROWS = 512
_FORMS = 1
"""Raised with every change of how a picture is made, so that no older set passes for a new one."""

Progress = Callable[[int, int], None]
"""Called with the pictures done and those to be made in all."""


@dataclass(frozen=True)
class Kind:
    """What the pictures of one set have in common.

    Attributes:
        letter: The set's name.
        shapes: Stored width and height, taken in turn.
        turned_every: Every so many pictures one has EXIF orientation 6; 0 is never.
        smallest_crop: The least share of a sample's width or height that a crop takes.
        smallest_source: The least pixels of a sample that is used: much smaller ones give but a blur.
        noise: Standard deviation of the luminance noise, in levels.
    """

    letter: str
    shapes: tuple[tuple[int, int], ...]
    turned_every: int
    smallest_crop: float
    smallest_source: int
    noise: float


SMALL = Kind("S", ((640, 480), (640, 480), (640, 427), (480, 640)), 0, 0.3, 0, 2.0)
MEDIUM = Kind("M", ((4000, 3000),), 4, 0.6, 1_500_000, 2.5)
LARGE = Kind("L", (*((3840, 2160),) * 4, (14400, 7200)), 0, 0.9, 5_000_000, 2.5)


@dataclass(frozen=True)
class Picture:
    """One picture to be made.

    Attributes:
        kind: The set it belongs to.
        index: Its place in the set.
        seed: The sets' common seed.
    """

    kind: Kind
    index: int
    seed: int

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.kind.letter}-{self.index:05d}.jpg"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored."""
        return self.kind.shapes[self.index % len(self.kind.shapes)]

    @property
    def turned(self) -> bool:
        """Whether it is stored on its side, with a tag that says so."""
        every = self.kind.turned_every
        return every > 0 and self.index % every == every - 1


@dataclass(frozen=True)
class PictureSet:
    """A set that lies on the disk.

    Attributes:
        name: S, M or L.
        folder: Where its pictures are, and nothing else.
        pictures: How many.
        size: Their bytes.
        made: Whether this call made it, or found it complete.
    """

    name: str
    folder: Path
    pictures: int
    size: int
    made: bool


def plan(kind: Kind, count: int, seed: int = SEED) -> list[Picture]:
    """Lay out a set's pictures, without making them.

    Args:
        kind: What they have in common.
        count: How many.
        seed: Another seed gives other pictures.

    Returns:
        The pictures in order.
    """
    return [Picture(kind, index, seed) for index in range(count)]


def make_sets(  # noqa: PLR0913 - one keyword for each set, all with a default
    folder: Path,
    *,
    small: int = 200,
    medium: int = 60,
    large: bool = True,
    seed: int = SEED,
    processes: int = 2,
    progress: Progress | None = None,
) -> dict[str, PictureSet]:
    """Make the sets that are not there yet, each in a folder of its name.

    A set with its marker beside it, of the same parameters, is kept as it is; anything else that an earlier
    call left of it is made anew.

    Args:
        folder: Where the sets go; made if missing.
        small: Pictures of S; with none there is no such set.
        medium: Pictures of M; with none there is no such set.
        large: Whether to make L.
        seed: Another seed gives other pictures.
        processes: How many pictures are made at a time.
        progress: Called after each picture.

    Returns:
        Each set by its name.
    """
    counts = {LARGE: len(LARGE.shapes) if large else 0, MEDIUM: medium, SMALL: small}
    plans = {kind: plan(kind, count, seed) for kind, count in counts.items() if count > 0}
    missing = {kind: pictures for kind, pictures in plans.items() if not _is_complete(folder, pictures)}
    for kind, pictures in missing.items():
        _clear(folder, kind, pictures)

    left = Counter({kind: len(pictures) for kind, pictures in missing.items()})
    total = left.total()
    # The longest come first, so that both processes end at about the same time.
    jobs = sorted(
        (picture for pictures in missing.values() for picture in pictures), key=lambda one: -_pixels(one.size)
    )
    for done, picture in enumerate(_make_all(folder, jobs, processes), start=1):
        left[picture.kind] -= 1
        if not left[picture.kind]:
            _marker(folder, picture.kind).write_text(_parameters(missing[picture.kind]), encoding="utf-8")
        if progress:
            progress(done, total)
    return {kind.letter: _describe(folder, plans[kind], made=kind in missing) for kind in reversed(plans)}


def _make_all(folder: Path, jobs: Sequence[Picture], processes: int) -> Iterator[Picture]:
    if processes <= 1 or not jobs:
        for picture in jobs:
            _make(folder, picture)
            yield picture
        return
    # Spawned on every system alike: a fork would carry the caller's threads' locks along.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_make, folder, picture): picture for picture in jobs}
        try:
            for future in as_completed(running):
                future.result()
                yield running[future]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _make(folder: Path, picture: Picture) -> None:
    # Each picture has its own stream of chance: neither their order nor their number changes any of them.
    chance = np.random.default_rng((picture.seed, ord(picture.kind.letter), picture.index))
    sources = _sources_of(picture.kind.smallest_source)
    source = _source(sources[int(chance.integers(len(sources)))])
    # A picture stored on its side shows its crop upright, so the crop has the displayed shape.
    width, height = reversed(picture.size) if picture.turned else picture.size
    image = source.resize(
        (width, height),
        Image.Resampling.LANCZOS,
        box=_crop(source.size, width / height, picture.kind.smallest_crop, chance),
    )
    exif = Image.Exif()
    if picture.turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[_ORIENTATION] = _TURNED
    _add_noise(image, picture.kind.noise, chance)

    path = folder / picture.kind.letter / picture.name
    partial = path.with_suffix(".partial")
    image.save(partial, "JPEG", quality=90, subsampling="4:2:0", exif=exif)
    partial.replace(path)


def _crop(
    size: tuple[int, int], aspect: float, smallest: float, chance: np.random.Generator
) -> tuple[float, float, float, float]:
    width = min(size[0], size[1] * aspect) * chance.uniform(smallest, 1)
    height = width / aspect
    left, top = chance.uniform(0, size[0] - width), chance.uniform(0, size[1] - height)
    return left, top, left + width, top + height


def _add_noise(image: Image.Image, deviation: float, chance: np.random.Generator) -> None:
    # By bands: the noise of 104 MP at once would take more memory than the picture.
    for top in range(0, image.height, _BAND_ROWS):
        luma, blue, red = image.crop((0, top, image.width, min(top + _BAND_ROWS, image.height))).split()
        levels = np.asarray(luma, dtype=np.float32)
        levels = levels + chance.standard_normal(levels.shape, dtype=np.float32) * deviation
        noisy = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        image.paste(Image.merge("YCbCr", (noisy, blue, red)), (0, top))


@cache
def _sources_of(smallest: int) -> tuple[str, ...]:
    sizes = {}
    for path in _sample_files():
        with Image.open(path) as image:
            sizes[path.name] = _pixels(image.size)
    return tuple(name for name, pixels in sizes.items() if pixels >= smallest)


@cache
def _source(name: str) -> Image.Image:
    with Image.open(SAMPLES / name) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    # JPEG's own colours: the noise needs the luminance alone, and saving needs no conversion back.
    return image.convert("RGB").convert("YCbCr")


def _sample_files() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


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
    for path in _sample_files():
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
    # Only files named as a set's are, so that a wrong folder costs nobody a picture.
    for path in place.glob(f"{kind.letter}-[0-9][0-9][0-9][0-9][0-9].*"):
        if path.name not in names:
            path.unlink()


def _describe(folder: Path, pictures: Sequence[Picture], *, made: bool) -> PictureSet:
    letter = pictures[0].kind.letter
    size = sum((folder / letter / picture.name).stat().st_size for picture in pictures)
    return PictureSet(letter, folder / letter, len(pictures), size, made)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Makes the benchmark's sets of pictures out of the sample pictures; keeps complete ones.",
        epilog="example: python scripts/picture_sets.py .rayjobs/sets --small 1000 --medium 60",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the sets S, M and L go")
    parser.add_argument(
        "--small", type=int, default=200, metavar="N", help="pictures of about 640x480 (default %(default)s)"
    )
    parser.add_argument(
        "--medium", type=int, default=60, metavar="N", help="pictures of 12 MP (default %(default)s)"
    )
    parser.add_argument(
        "--no-large", dest="large", action="store_false", help="leave out the set of large pictures"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="N", help="another seed gives other pictures"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=min(2, os.cpu_count() or 1),
        metavar="N",
        help="pictures made at a time (default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return parser.parse_args()


def _show_progress(done: int, total: int) -> None:
    print(
        f"\rmaking pictures: {done} of {total}",
        end="\n" if done == total else "",
        file=sys.stderr,
        flush=True,
    )


def _report_failure(error: Exception, *, as_json: bool) -> None:
    remedy = "name a folder that can be written, on a disk with about 250 MB free; or try --processes 1"
    if as_json:
        failure = {"code": "no_sets", "detail": str(error), "remedy": remedy}
        print(json.dumps({"ok": False, "error": failure}))
    print(f"picture_sets: {error}; {remedy}", file=sys.stderr)


def main() -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    arguments = _arguments()
    started = time.perf_counter()
    try:
        sets = make_sets(
            arguments.folder,
            small=arguments.small,
            medium=arguments.medium,
            large=arguments.large,
            seed=arguments.seed,
            processes=arguments.processes,
            progress=_show_progress,
        )
    except (OSError, BrokenExecutor) as error:
        _report_failure(error, as_json=arguments.json)
        return EXIT_ENVIRONMENT
    seconds = time.perf_counter() - started
    if arguments.json:
        rows = {name: {**asdict(one), "folder": str(one.folder)} for name, one in sets.items()}
        print(json.dumps({"ok": True, "sets": rows, "seconds": round(seconds, 1)}))
        return 0
    for one in sets.values():
        fate = "made" if one.made else "kept"
        print(f"{one.name}  {one.pictures:5d} pictures  {one.size / 1e6:6.1f} MB  {one.folder}  {fate}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
