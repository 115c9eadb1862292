"""Colours as a request names them, and pictures that can hold them."""

from typing import Annotated

import pyvips
from PIL import ImageColor
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rayjobs.filters.pixels import as_rgb, has_alpha, is_gray, with_alpha

Rgba = tuple[int, int, int, int]

_OPAQUE = 255


def rgba(colour: str) -> Rgba:
    """Return red, green, blue and alpha, each 0 to 255."""
    if colour == "transparent":
        return 0, 0, 0, 0
    red, green, blue, *alpha = ImageColor.getrgb(colour)
    return red, green, blue, alpha[0] if alpha else _OPAQUE


def _known(colour: str) -> str:
    try:
        rgba(colour)
    except ValueError as error:
        text = "is no colour: #rrggbb, #rrggbbaa, a name of CSS, or transparent"
        raise PydanticCustomError("colour", text) from error
    return colour


Colour = Annotated[
    str,
    Field(pattern=r"^(#[0-9a-fA-F]{3,8}|[a-z]+)$", max_length=24, json_schema_extra={"format": "colour"}),
    AfterValidator(_known),
]
"""`#rrggbb`, `#rrggbbaa`, a name of CSS such as `white`, or `transparent`."""


def primed(image: pyvips.Image, *colours: str) -> pyvips.Image:
    """Return the picture with bands enough to hold these colours: RGB and alpha where one needs them."""
    wanted = [rgba(each) for each in colours]
    if is_gray(image) and any(len(set(each[:3])) > 1 for each in wanted):
        image = as_rgb(image)
    if any(each[3] < _OPAQUE for each in wanted):
        image = with_alpha(image)
    return image


def ink(image: pyvips.Image, colour: str) -> list[int]:
    """Return the colour's value in each band of a primed picture."""
    red, green, blue, alpha = rgba(colour)
    bands = [red] if is_gray(image) else [red, green, blue]
    return [*bands, alpha] if has_alpha(image) else bands


def premultiplied_ink(image: pyvips.Image, colour: str) -> list[float]:
    """Return the colour's value in each band of a primed picture whose alpha is premultiplied."""
    *bands, last = ink(image, colour)
    return [*(band * last / 255 for band in bands), last] if has_alpha(image) else [*bands, last]
