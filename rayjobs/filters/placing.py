"""Where something lies in something larger, and canvases that grow."""

from typing import Literal

import pyvips

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import MAX_SIDE, Size
from rayjobs.filters.paint import ink, primed

Gravity = Literal[
    "center", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"
]
"""A place in the picture: its middle, the middle of a side, or a corner; north is at the top."""


def place(gravity: Gravity, outer: Size, inner: Size, margin: int = 0) -> tuple[int, int]:
    """Return left and top, in px, of `inner` within `outer`, `margin` px off the sides that it lies at."""
    left = _along(gravity, "west", "east", outer[0] - inner[0], margin)
    return left, _along(gravity, "north", "south", outer[1] - inner[1], margin)


def _along(gravity: Gravity, start: str, end: str, free: int, margin: int) -> int:
    if start in gravity:
        return margin
    return free - margin if end in gravity else free // 2


def cut(image: pyvips.Image, gravity: Gravity, size: Size) -> pyvips.Image:
    """Cut `size` out of the picture; it must lie within."""
    left, top = place(gravity, (image.width, image.height), size)
    return image if (image.width, image.height) == size else image.crop(left, top, *size)


def on_canvas(image: pyvips.Image, at: tuple[int, int], size: Size, colour: str) -> pyvips.Image:
    """Lay the picture on a larger canvas of one colour."""
    if (image.width, image.height) == size:
        return image
    able = primed(image, colour)
    return able.embed(*at, *size, extend="background", background=ink(able, colour))


def check_sides(name: str, size: Size) -> None:
    """Raise `FilterFailedError` if a side of the result of the filter `name` is longer than `MAX_SIDE`."""
    if (longest := max(size)) > MAX_SIDE:
        detail = f"{name}: the result's longest side is {longest} px, the limit is {MAX_SIDE} px"
        raise FilterFailedError(detail, limit=MAX_SIDE, actual=longest)
