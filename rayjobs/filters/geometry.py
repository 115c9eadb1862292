"""Filters that move pixels about: rotate, flip, auto_orient, affine, tile."""

import math
from typing import Annotated, ClassVar, Literal

import pyvips
from pydantic import Field
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import Edit, Filter, Size
from rayjobs.filters.paint import Colour, premultiplied_ink, primed
from rayjobs.filters.pixels import held, with_premultiplied
from rayjobs.filters.placing import check_sides

Number = Annotated[float, Field(ge=-1000, le=1000)]
"""An entry of a matrix; beyond 1000 a picture is one pixel, or all picture is lost."""

_SMALLEST_AREA = 1e-6
"""Least area of a pixel after a matrix; below, libvips would ask for an unbounded part of the picture."""

Copies = Annotated[int, Field(ge=1, le=100)]
"""Copies in a row; with 100 copies even the smallest icon fills a page."""


class Rotate(Edit):
    """Turn clockwise, on a canvas that grows to hold the picture; quarters change no pixel's value.

    Example:
        {"name": "rotate", "angle": 15, "background": "white"}
    """

    name: Literal["rotate"] = "rotate"
    angle: Annotated[float, Field(ge=-360, le=360, json_schema_extra={"unit": "degrees"})]
    """Angle, clockwise, in degrees; more than a whole turn is a mistake."""
    background: Colour = "black"
    """Fills the corners, if there are any."""

    streams: ClassVar[bool] = False
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        quarters, rest = divmod(self.angle % 360, 90)
        if rest == 0:
            return image if quarters == 0 else image.rot(f"d{quarters * 90:.0f}")
        turn = math.radians(self.angle)
        matrix = [math.cos(turn), -math.sin(turn), math.sin(turn), math.cos(turn)]
        width, height = image.width, image.height
        across = math.ceil(round(abs(matrix[0]) * width + abs(matrix[1]) * height, 6))
        down = math.ceil(round(abs(matrix[1]) * width + abs(matrix[0]) * height, 6))
        check_sides(self.name, (across, down))
        return _moved(image, matrix, (across, down), self.background)


class Flip(Edit):
    """Mirror: `horizontal` swaps left and right, `vertical` swaps top and bottom.

    Example:
        {"name": "flip", "direction": "horizontal"}
    """

    name: Literal["flip"] = "flip"
    direction: Literal["horizontal", "vertical"]
    """The axis along which pixels change places."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image.flip(self.direction)


class AutoOrient(Edit):
    """Turn the picture as its EXIF orientation says.

    It happens before anything else whether asked for or not: a camera's picture is upright before it is
    cropped. As the first filter with `enabled` false it keeps the pixels as they are stored. Elsewhere it
    does nothing.

    Example:
        {"name": "auto_orient", "enabled": true}
    """

    name: Literal["auto_orient"] = "auto_orient"
    enabled: bool = True
    """False, in the first filter: ignore the EXIF orientation."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        return image


class Affine(Edit):
    """Scale, shear and turn by a matrix, about the middle of a canvas that keeps its size.

    Example:
        {"name": "affine", "matrix": [1, 0.25, 0, 1], "background": "white"}
    """

    name: Literal["affine"] = "affine"
    matrix: tuple[Number, Number, Number, Number] = Field(strict=False)
    """a, b, c, d: what lies (x, y) px off the middle goes to (a x + b y, c x + d y)."""
    background: Colour = "black"
    """Fills what the picture leaves free."""

    streams: ClassVar[bool] = False
    mixes: ClassVar[bool] = True

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        a, b, c, d = self.matrix
        if (a, b, c, d) == (1, 0, 0, 1):
            return image
        if abs(a * d - b * c) < _SMALLEST_AREA:
            raise FilterFailedError("affine: the matrix leaves nothing of a picture: a d - b c is next to 0")
        return _moved(image, list(self.matrix), (image.width, image.height), self.background)


class Tile(Edit):
    """Repeat the picture, side by side.

    Example:
        {"name": "tile", "across": 3, "down": 2}
    """

    name: Literal["tile"] = "tile"
    across: Copies = 1
    """Copies from left to right."""
    down: Copies = 1
    """Copies from top to bottom."""

    streams: ClassVar[bool] = False

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        if self.across == self.down == 1:
            return image
        check_sides(self.name, (image.width * self.across, image.height * self.down))
        # Held: otherwise each copy would compute the whole picture again.
        return held(image).replicate(self.across, self.down)


FILTERS: tuple[type[Filter], ...] = (Rotate, Flip, AutoOrient, Affine, Tile)


def _moved(image: pyvips.Image, matrix: list[float], canvas: Size, background: str) -> pyvips.Image:
    """Move pixels by the matrix, from the picture's middle to that of the canvas, by a bicubic."""
    a, b, c, d = matrix
    able = primed(image, background)
    # libvips maps the pixel's upper left corner; the middle of the picture lies half a pixel before its size.
    x, y = (image.width - 1) / 2, (image.height - 1) / 2
    to_x, to_y = (canvas[0] - 1) / 2, (canvas[1] - 1) / 2
    return with_premultiplied(
        able,
        lambda pixels: pixels.affine(
            matrix,
            interpolate=pyvips.Interpolate.new("bicubic"),
            oarea=[0, 0, *canvas],
            odx=to_x - (a * x + b * y),
            ody=to_y - (c * x + d * y),
            premultiplied=True,
            extend="background",
            background=premultiplied_ink(able, background),
        ),
    )
