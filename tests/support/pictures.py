"""Pictures for tests, from a seed, with smooth parts and texture; and files made from them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image, ImageSequence

from rayjobs.filters.pixels import from_array, to_array

Array = npt.NDArray[np.uint8]

SAMPLES = Path(__file__).resolve().parents[2] / "images" / "samples"

PHOTOGRAPHS = ("brushes_640x480.jpg", "dogs_orientation6.jpg", "mountains.webp", "sample_4k.jpg")


def picture(width: int = 320, height: int = 240, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return a picture like a camera's: large soft shapes, finer ones, a little noise."""
    rng = np.random.default_rng(seed)

    def clouds(cell: int, bands: int) -> npt.NDArray[np.float64]:
        shape = max(2, height // cell), max(2, width // cell), bands
        coarse = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8).squeeze())
        soft = coarse.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(soft, dtype=float).reshape(height, width, bands) - 128

    values = 128 + 0.8 * clouds(60, 3) + 0.25 * clouds(6, 3) + rng.normal(0, 2, (height, width, 1))
    image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if mode in {"RGBA", "LA"}:
        alpha = (128 + 2 * clouds(80, 1)).clip(0, 255).astype(np.uint8)
        image.putalpha(Image.fromarray(alpha[..., 0]))
    return image if image.mode == mode else image.convert(mode)


def photograph(name: str) -> Image.Image:
    """Return a shipped photograph, decoded in full, as stored; fails if the file does not exist."""
    image = Image.open(SAMPLES / name)
    image.load()
    return image.convert("RGB")


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return the picture that a file holds."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def frames_of(data: bytes) -> int:
    """Return how many frames, or pages, a file holds."""
    return len(ImageSequence.all_frames(Image.open(io.BytesIO(data))))


def vips(image: Image.Image) -> pyvips.Image:
    """Return the same pixels as filters take them."""
    pixels = np.array(image)
    return from_array(pixels.reshape(image.height, image.width, -1))


def array(image: pyvips.Image | Image.Image) -> Array:
    """Return (H, W, bands) uint8."""
    if isinstance(image, Image.Image):
        return np.asarray(image).reshape(image.height, image.width, -1)
    return to_array(image)


def tiny(rows: list[list[int]]) -> pyvips.Image:
    """Return a gray picture of these values."""
    return from_array(np.array(rows, dtype=np.uint8)[..., None])


def decibels(one: Any, other: Any, frame: int = 0) -> float:
    """Return the peak signal to noise ratio of two pictures, `frame` px left out all around."""
    inside = slice(frame, -frame or None)
    first, second = (array(each)[inside, inside].astype(float) for each in (one, other))
    error = float(((first - second) ** 2).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)
