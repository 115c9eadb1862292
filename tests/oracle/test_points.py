"""Filters of each pixel by itself, against Pillow's: nearly all of them equal it, byte for byte."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support.oracle import COLOURED, KINDS, filtered, kind
from tests.support.pictures import array, decibels, picture

EQUAL = 99
"""dB, of pictures that do not differ in a single value."""


def table(change: Callable[[float], float]) -> Callable[[Image.Image], Image.Image]:
    """Return what maps each value, 0 to 1, by `change`."""
    entries = [int(min(255, max(0, 255 * change(value / 255) + 0.5))) for value in range(256)]
    return lambda image: image.point(entries * len(image.getbands()))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("ours", "parameters", "theirs"),
    [
        ("negate", {}, ImageOps.invert),
        ("posterize", {"bits": 3}, lambda image: ImageOps.posterize(image, 3)),
        ("posterize", {"bits": 1}, lambda image: ImageOps.posterize(image, 1)),
        ("solarize", {"threshold": 100}, lambda image: ImageOps.solarize(image, 100)),
        ("equalize", {}, ImageOps.equalize),
        ("auto_levels", {"bands": "apart"}, ImageOps.autocontrast),
        ("auto_levels", {"bands": "apart", "cutoff": 2}, lambda image: ImageOps.autocontrast(image, 2)),
        ("gamma", {"gamma": 2.2}, table(lambda value: value ** (1 / 2.2))),
        ("gamma", {"gamma": 0.5}, table(lambda value: value**2)),
        ("levels", {"black": 51, "white": 204}, table(lambda value: (value - 0.2) / 0.6)),
        ("levels", {"to_black": 255, "to_white": 0}, ImageOps.invert),
        ("curves", {"all": [[0, 255], [255, 0]]}, ImageOps.invert),
        ("curves", {"all": [[51, 0], [204, 255]]}, table(lambda value: (value - 0.2) / 0.6)),
    ],
)
def test_a_mapping_of_values_is_equal(
    name: str, ours: str, parameters: dict[str, Any], theirs: Callable[[Image.Image], Image.Image]
) -> None:
    image = kind(name)
    assert decibels(filtered(image, ours, **parameters), theirs(image)) == EQUAL


def inked(dark: str, light: str) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageOps.colorize(image.convert("L"), dark, light)


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize(
    ("ours", "parameters", "theirs", "floor"),
    [
        (
            "colorize",
            {"colour": "#ff4000", "opacity": 0.4},
            lambda image: Image.blend(image, Image.new("RGB", image.size, "#ff4000"), 0.4),
            EQUAL,
        ),
        ("channel", {"band": "green"}, lambda image: image.getchannel("G"), EQUAL),
        # Pillow truncates luma in another way: some values differ by one level.
        ("auto_levels", {"cutoff": 1}, lambda i: ImageOps.autocontrast(i, 1, preserve_tone=True), 40),
        ("duotone", {"shadows": "#1a1a5e", "highlights": "#ffd9a0"}, inked("#1a1a5e", "#ffd9a0"), 50),
        ("monochrome", {"colour": "#ffcc66"}, inked("black", "#ffcc66"), 50),
    ],
)
def test_colours_are_pillows(
    name: str,
    ours: str,
    parameters: dict[str, Any],
    theirs: Callable[[Image.Image], Image.Image],
    floor: float,
) -> None:
    image = kind(name)
    assert decibels(filtered(image, ours, **parameters), theirs(image)) >= floor


SEPIA = [0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0]


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize(
    ("ours", "parameters", "matrix"),
    [
        ("sepia", {}, SEPIA),
        (
            "channel_mixer",
            {"red": [0, 1, 0], "green": [0.3, 0.3, 0.3], "blue": [1, -0.5, 0]},
            [0, 1, 0, 0, 0.3, 0.3, 0.3, 0, 1, -0.5, 0, 0],
        ),
        (
            "hue",  # the entries that the specification gives for 90 degrees
            {"angle": 90},
            [0, 0, 1, 0, 0.356, 0.855, -0.211, 0, -0.574, 1.43, 0.144, 0],
        ),
        (
            "hue",
            {"angle": 180},
            [-0.574, 1.43, 0.144, 0, 0.426, 0.43, 0.144, 0, 0.426, 1.43, -0.856, 0],
        ),
    ],
)
def test_a_matrix_of_colours_is_pillows(
    name: str, ours: str, parameters: dict[str, Any], matrix: list[float]
) -> None:
    image = kind(name)
    # Halves are rounded to the even number, in Pillow up: of a single pixel that is 52.9 dB.
    assert decibels(filtered(image, ours, **parameters), image.convert("RGB", tuple(matrix))) >= 52


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("level", [0, 1, 128, 255, 256])
def test_threshold_is_a_comparison_of_the_luma(name: str, level: int) -> None:
    image = kind(name)
    gray = array(filtered(image, "grayscale"))
    assert np.array_equal(array(filtered(image, "threshold", level=level)), (gray >= level) * 255)


def test_flatten_is_a_composite_on_the_colour() -> None:
    image = picture(60, 40, "RGBA")
    below = Image.new("RGBA", image.size, "#ffe0c0")
    theirs = Image.alpha_composite(below, image).convert("RGB")
    # libvips truncates where Pillow rounds: half a level on average, one at most.
    assert decibels(filtered(image, "flatten", background="#ffe0c0"), theirs) >= 48
    assert (
        np.abs(array(filtered(image, "flatten", background="#ffe0c0")).astype(int) - array(theirs)).max() <= 1
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_opacity_multiplies_alpha(mode: str) -> None:
    image = picture(60, 40, mode)
    theirs = image.convert("LA" if mode in {"L", "LA"} else "RGBA")
    theirs.putalpha(theirs.getchannel("A").point(lambda value: int(value * 0.5 + 0.5)))
    assert decibels(filtered(image, "opacity", factor=0.5), theirs) == EQUAL
