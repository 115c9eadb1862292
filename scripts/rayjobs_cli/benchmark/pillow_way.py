"""The pipelines as a user would write them with Pillow; imports only what the environment of a peer has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

TEXT = "© rayjobs"
TEXT_SIZE = 32
"""px."""
TEXT_AWAY = 24
"""px from the lower right corner."""
CROP = 3200, 2400
"""Most of a picture that `edit` keeps: 80 % of the sides of 12 megapixels."""
EDITED_WIDTH = 1600


@dataclass(frozen=True)
class Way:
    """A pipeline in plain Pillow, and how its file is written."""

    run: Callable[[Image.Image], Image.Image]
    """May decode the picture at a reduced size."""
    options: Mapping[str, Any]


def work(job: str, picture: str | Path, output: str | Path) -> None:
    """Run one picture from file to file."""
    with Image.open(picture) as image:
        write(job, image, output)


def write(job: str, image: Image.Image, output: str | Path | BinaryIO) -> None:
    """Run an opened picture, and write the result."""
    way = WAYS[job]
    way.run(image).save(output, **way.options)


def _thumb(image: Image.Image) -> Image.Image:
    image.thumbnail((512, 512))
    return ImageOps.exif_transpose(image).convert("RGB")


def _heavy(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image).convert("RGB")
    resized = upright.resize((2048, 2048), Image.Resampling.LANCZOS)
    blurred = resized.filter(ImageFilter.GaussianBlur(5.0))
    return ImageEnhance.Sharpness(blurred).enhance(2.0).filter(ImageFilter.FIND_EDGES)


def _edit(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image).convert("RGB")
    width, height = min(CROP[0], upright.width), min(CROP[1], upright.height)
    left, top = (upright.width - width) // 2, (upright.height - height) // 2
    cut = upright.crop((left, top, left + width, top + height))
    small = cut.resize((EDITED_WIDTH, round(height * EDITED_WIDTH / width)), Image.Resampling.LANCZOS)
    vivid = ImageEnhance.Color(small.filter(ImageFilter.UnsharpMask(2, 150, 3))).enhance(1.2)
    place = vivid.width - TEXT_AWAY, vivid.height - TEXT_AWAY
    ImageDraw.Draw(vivid).text(place, TEXT, anchor="rb", font=ImageFont.load_default(TEXT_SIZE))
    return vivid


_JPEG = {"format": "JPEG", "quality": 85}
WAYS = {
    "thumb": Way(_thumb, _JPEG),
    "heavy": Way(_heavy, _JPEG),
    "edit": Way(_edit, {"format": "WEBP", "quality": 80, "method": 4}),
}
"""Each pipeline by its name."""
