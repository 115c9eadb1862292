"""What a filter is held against: kinds of pictures, and the call of one of ours on a Pillow picture."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pyvips
from PIL import Image, ImageDraw

from rayjobs.filters import CATALOGUE
from rayjobs.filters.base import Scene
from tests.support.pictures import photograph, picture, vips


def _line_art() -> Image.Image:
    image = Image.new("RGB", (120, 90), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 10, 90, 80), outline="black", width=1)
    draw.line((0, 0, 119, 89), fill="red", width=2)
    draw.rectangle((70, 20, 110, 50), fill="#0040c0")
    return image


_MADE: dict[str, Callable[[], Image.Image]] = {
    "photograph": lambda: photograph("mountains.webp").resize((240, 180)),
    "line art": _line_art,
    "clouds": lambda: picture(200, 150),
    "odd": lambda: picture(37, 23),
    "gray": lambda: picture(61, 40, "L"),
    "thread": lambda: picture(1, 50),
    "rope": lambda: picture(50, 1),
    "dot": lambda: picture(1, 1),
    "black": lambda: Image.new("RGB", (9, 9)),
}

KINDS = tuple(_MADE)
"""Names of pictures that differ in what may go wrong with them."""

COLOURED = tuple(kind for kind in KINDS if kind != "gray")


@cache
def kind(name: str) -> Image.Image:
    """Return the picture; RGB, but for `gray`, which is L. It must not be changed."""
    return _MADE[name]()


def filtered(
    image: Image.Image,
    name: str,
    other: Image.Image | None = None,
    **parameters: Any,
) -> pyvips.Image:
    """Return what the filter `name` makes of a picture, with `other` as the second one."""
    scene = Scene(picture=lambda _: vips(other or image))
    return CATALOGUE[name].model_validate({"name": name, **parameters}).run(vips(image), scene)
