"""Filters that move pixels, cut them out, or make room round them, against Pillow and NumPy."""

import math
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageOps

from tests.support.oracle import KINDS, filtered, kind
from tests.support.pictures import SAMPLES, array, decibels, opened

EQUAL = 99
"""dB, of pictures that do not differ in a single value."""


def turned(image: Image.Image, matrix: tuple[float, ...], canvas: tuple[int, int]) -> Image.Image:
    """Return the picture moved by a matrix about its middle; Pillow takes the inverse matrix."""
    a, b, c, d = matrix
    area = a * d - b * c
    back = np.array([[d, -b], [-c, a]]) / area
    x, y = np.array(image.size) / 2 - back @ (np.array(canvas) / 2)
    rows = (*back[0], x, *back[1], y)
    return image.transform(canvas, Image.Transform.AFFINE, rows, Image.Resampling.BICUBIC)


def decibels_inside(ours: Any, image: Image.Image, matrix: tuple[float, ...]) -> float:
    """Return how near ours is to Pillow's, 3 px off the picture's outline: theirs is jagged, ours smooth."""
    canvas = ours.width, ours.height
    covered = ImageOps.expand(turned(Image.new("L", image.size, 255), matrix, canvas), 4, 0)
    inside = array(covered.filter(ImageFilter.MinFilter(7)))[4:-4, 4:-4, 0] == 255
    difference = (array(ours).astype(float) - array(turned(image, matrix, canvas)))[inside]
    return 10 * math.log10(255**2 / (difference**2).mean())


# libvips interpolates at 64 places within a pixel, Pillow at any place: sharp edges show the difference.
@pytest.mark.parametrize(("name", "floor"), [("photograph", 40), ("clouds", 45), ("odd", 42), ("gray", 43)])
@pytest.mark.parametrize("angle", [5, 45, 120.5, -30, 270.25])
def test_rotate_by_any_angle_is_pillows_bicubic(name: str, floor: float, angle: float) -> None:
    image = kind(name)
    ours = filtered(image, "rotate", angle=angle)
    turn = math.radians(angle)
    matrix = math.cos(turn), -math.sin(turn), math.sin(turn), math.cos(turn)
    assert decibels_inside(ours, image, matrix) >= floor
    assert abs(ours.width - image.rotate(-angle, expand=True).width) <= 1


@pytest.mark.parametrize("angle", [90, 180, 270, -90])
@pytest.mark.parametrize("name", KINDS)
def test_rotate_by_quarters_is_equal(name: str, angle: int) -> None:
    image = kind(name)
    assert decibels(filtered(image, "rotate", angle=angle), image.rotate(-angle, expand=True)) == EQUAL


@pytest.mark.parametrize("matrix", [(1, 0.25, 0, 1), (1.5, 0, 0, 1.5), (0.8, 0.2, -0.3, 1.1)])
def test_affine_is_pillows_transform(matrix: tuple[float, ...]) -> None:
    assert decibels_inside(filtered(kind("clouds"), "affine", matrix=matrix), kind("clouds"), matrix) >= 45


@pytest.mark.parametrize("name", KINDS)
def test_border_is_pillows_expand(name: str) -> None:
    image = kind(name)
    gray = image.mode == "L"
    theirs = ImageOps.expand(image, 7, 100 if gray else "#c0a060")
    assert (
        decibels(filtered(image, "border", width=7, colour="#646464" if gray else "#c0a060"), theirs) == EQUAL
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("fill", "mode"), [("repeat", "wrap"), ("mirror", "symmetric"), ("stretch", "edge")])
def test_pad_fills_as_numpy_does(name: str, fill: str, mode: Any) -> None:
    image = kind(name)
    ours = filtered(image, "pad", left=5, top=3, right=70, bottom=9, fill=fill)
    assert np.array_equal(array(ours), np.pad(array(image), ((3, 9), (5, 70), (0, 0)), mode))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("gravity", "middle"),
    [("center", (0.5, 0.5)), ("northwest", (0, 0)), ("southeast", (1, 1)), ("east", (1, 0.5))],
)
def test_extend_and_crop_to_have_their_place(name: str, gravity: str, middle: tuple[float, float]) -> None:
    image = kind(name)
    canvas = image.width + 13, image.height + 8
    left, top = int(13 * middle[0]), int(8 * middle[1])
    theirs = Image.new(image.mode, canvas, "white")
    theirs.paste(image, (left, top))
    larger = filtered(image, "extend", width=canvas[0], height=canvas[1], gravity=gravity)
    assert decibels(larger, theirs) == EQUAL
    back = filtered(theirs, "crop_to", width=image.width, height=image.height, gravity=gravity)
    assert decibels(back, image) == EQUAL


@pytest.mark.parametrize("name", KINDS)
def test_tile_is_numpys(name: str) -> None:
    image = kind(name)
    assert np.array_equal(array(filtered(image, "tile", across=3, down=2)), np.tile(array(image), (2, 3, 1)))


@pytest.mark.parametrize("colour", ["white", "#204060"])
def test_trim_finds_pillows_bounding_box(colour: str) -> None:
    inside = kind("photograph")
    image = ImageOps.expand(inside, (11, 3, 20, 7), colour)
    box = (
        ImageChops.difference(image, Image.new("RGB", image.size, colour))
        .point(lambda v: 255 * (v > 10))
        .getbbox()
    )
    ours = filtered(image, "trim", threshold=10)
    assert decibels(ours, image.crop(box)) == EQUAL
    assert decibels(filtered(image, "trim", threshold=10, colour=colour), image.crop(box)) == EQUAL


def test_trim_removes_transparent_borders_of_any_colour() -> None:
    image = opened((SAMPLES / "fig_alpha.png").read_bytes())
    image.thumbnail((200, 200))
    ours = filtered(ImageOps.expand(image, 9, (0, 255, 0, 0)), "trim", threshold=0)
    box = image.getchannel("A").getbbox()
    assert box is not None
    assert (ours.width, ours.height) == (box[2] - box[0], box[3] - box[1])


@pytest.mark.parametrize("name", ["photograph", "clouds", "odd"])
@pytest.mark.parametrize(("width", "height"), [(16, 9), (1, 1), (2, 3)])
def test_crop_aspect_is_the_largest_of_its_ratio(name: str, width: int, height: int) -> None:
    image = kind(name)
    ours = filtered(image, "crop_aspect", width=width, height=height)
    assert ours.width == image.width or ours.height == image.height
    assert abs(ours.width / width - ours.height / height) <= 1
    left, top = (image.width - ours.width) // 2, (image.height - ours.height) // 2
    assert decibels(ours, image.crop((left, top, left + ours.width, top + ours.height))) == EQUAL
