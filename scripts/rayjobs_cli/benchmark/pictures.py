"""Makes one picture of a set: a crop of a sample, scaled with Lanczos, with a little noise.

Without noise an enlarged crop is too smooth: its size and decoding time are not those of a camera's file.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from rayjobs.places import SAMPLES

_ORIENTATION = 0x0112
_TURNED = 6
_BAND_ROWS = 512


@dataclass(frozen=True)
class Kind:
    """The common properties of the pictures of one set.

    Attributes:
        letter: The set's name.
        shapes: Stored width and height, taken in turn.
        turned_every: One of so many pictures has EXIF orientation 6; 0 is none.
        smallest_crop: The least share of the width or height of a sample in a crop.
        smallest_source: The least pixels of a usable sample: smaller samples give only a blur.
        noise: Standard deviation of the luminance noise, in levels.
        format: The format of its files.
    """

    letter: str
    shapes: tuple[tuple[int, int], ...]
    turned_every: int
    smallest_crop: float
    smallest_source: int
    noise: float
    format: Literal["jpeg", "png", "webp"] = "jpeg"


SMALL = Kind("S", ((640, 480), (640, 480), (640, 427), (480, 640)), 0, 0.3, 0, 2.0)
MEDIUM = Kind("M", ((4000, 3000),), 4, 0.6, 1_500_000, 2.5)
LARGE = Kind("L", (*((3840, 2160),) * 4, (14400, 7200)), 0, 0.9, 5_000_000, 2.5)
PNGS = Kind("P", ((1920, 1280),), 0, 0.5, 1_500_000, 2.0, "png")
WEBPS = Kind("W", ((1920, 1280),), 0, 0.5, 1_500_000, 2.0, "webp")

_WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("jpg", {"quality": 90, "subsampling": "4:2:0"}),
    "png": ("png", {"compress_level": 6}),
    "webp": ("webp", {"quality": 90, "method": 2}),
}
"""Format: extension, and how Pillow writes it."""


@dataclass(frozen=True)
class Picture:
    """The description of one picture.

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
        """The name of its file."""
        return f"{self.kind.letter}-{self.index:05d}.{_WRITTEN[self.kind.format][0]}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored."""
        return self.kind.shapes[self.index % len(self.kind.shapes)]

    @property
    def turned(self) -> bool:
        """Whether it is stored on its side, with the EXIF tag for that."""
        every = self.kind.turned_every
        return every > 0 and self.index % every == every - 1


def make(folder: Path, picture: Picture) -> None:
    """Write one picture into the folder of its set; the file appears whole or not at all."""
    # Each picture has its own random numbers: neither the order nor the number of pictures changes one.
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
    # Of the three formats only JPEG takes YCbCr.
    written = image if picture.kind.format == "jpeg" else image.convert("RGB")
    written.save(partial, picture.kind.format, exif=exif, **_WRITTEN[picture.kind.format][1])
    partial.replace(path)


def _crop(
    size: tuple[int, int], aspect: float, smallest: float, chance: np.random.Generator
) -> tuple[float, float, float, float]:
    width = min(size[0], size[1] * aspect) * chance.uniform(smallest, 1)
    height = width / aspect
    left, top = chance.uniform(0, size[0] - width), chance.uniform(0, size[1] - height)
    return left, top, left + width, top + height


def _add_noise(image: Image.Image, deviation: float, chance: np.random.Generator) -> None:
    # In bands: the noise of 104 MP at once would need more memory than the picture.
    for top in range(0, image.height, _BAND_ROWS):
        luma, blue, red = image.crop((0, top, image.width, min(top + _BAND_ROWS, image.height))).split()
        levels = np.asarray(luma, dtype=np.float32)
        levels = levels + chance.standard_normal(levels.shape, dtype=np.float32) * deviation
        noisy = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        image.paste(Image.merge("YCbCr", (noisy, blue, red)), (0, top))


@cache
def _sources_of(smallest: int) -> tuple[str, ...]:
    sizes = {}
    for path in sample_files():
        with Image.open(path) as image:
            sizes[path.name] = pixels_of(image.size)
    return tuple(name for name, pixels in sizes.items() if pixels >= smallest)


@cache
def _source(name: str) -> Image.Image:
    with Image.open(SAMPLES / name) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    # The colours of JPEG: the noise changes the luminance alone, and saving needs no conversion.
    return image.convert("RGB").convert("YCbCr")


def sample_files() -> list[Path]:
    """Return the sample pictures in a fixed order."""
    return sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


def pixels_of(size: tuple[int, int]) -> int:
    """Return the pixels of a picture of this width and height."""
    return size[0] * size[1]
