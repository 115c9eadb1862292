"""Filters that mix a pixel with its neighbours, against Pillow's, on small pictures of every kind."""

from typing import Any

import pytest
from PIL import Image, ImageFilter

from tests.support.oracle import KINDS, filtered, kind
from tests.support.pictures import decibels

EQUAL = 99
"""dB, of pictures that do not differ in a single value."""

KERNEL = [[1, 2, 0], [0, 3, -1], [-2, 0, 1]]
WIDE = [[(row * 5 + column) % 7 for column in range(5)] for row in range(5)]


def as_pillow(kernel: list[list[int]], **options: Any) -> ImageFilter.Kernel:
    """Return the same kernel for Pillow, which flips its kernels."""
    side = len(kernel)
    return ImageFilter.Kernel((side, side), [value for row in kernel[::-1] for value in row], **options)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("ours", "parameters", "theirs"),
    [
        ("median", {"size": 3}, ImageFilter.MedianFilter(3)),
        ("median", {"size": 7}, ImageFilter.MedianFilter(7)),
        ("dilate", {"size": 3}, ImageFilter.MaxFilter(3)),
        ("dilate", {"size": 9}, ImageFilter.MaxFilter(9)),
        ("erode", {"size": 3}, ImageFilter.MinFilter(3)),
        ("erode", {"size": 9}, ImageFilter.MinFilter(9)),
        ("emboss", {}, ImageFilter.EMBOSS),
        ("edges", {}, ImageFilter.FIND_EDGES),
    ],
)
def test_ranks_and_small_kernels_are_equal(
    name: str, ours: str, parameters: dict[str, Any], theirs: ImageFilter.Filter
) -> None:
    image = kind(name)
    assert decibels(filtered(image, ours, **parameters), image.filter(theirs)) == EQUAL


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("radius", [1, 4, 20])
def test_box_blur_is_pillows(name: str, radius: int) -> None:
    image = kind(name)
    # Weights of 6 bits, as of `blur`; their sum is exact.
    floor = 46
    assert (
        decibels(filtered(image, "box_blur", radius=radius), image.filter(ImageFilter.BoxBlur(radius)))
        >= floor
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("radius", "percent", "threshold", "floor"),
    # The blur's rounding is multiplied by the strength, and near the threshold one level changes more.
    [(2, 150, 3, 40), (1, 80, 0, 46), (5, 300, 0, 36)],
)
def test_unsharp_is_pillows(name: str, radius: int, percent: int, threshold: int, floor: float) -> None:
    image = kind(name)
    ours = filtered(image, "unsharp", radius=radius, percent=percent, threshold=threshold)
    assert decibels(ours, image.filter(ImageFilter.UnsharpMask(radius, percent, threshold))) >= floor


@pytest.mark.parametrize("name", ["photograph", "line art", "clouds", "odd", "gray"])
@pytest.mark.parametrize(
    ("kernel", "scale", "offset"), [(KERNEL, None, 0), (KERNEL, 6, 100), (WIDE, 80, 0), (WIDE, None, 0)]
)
def test_convolve_is_pillows_kernel(
    name: str, kernel: list[list[int]], scale: float | None, offset: float
) -> None:
    image = kind(name)
    ours = filtered(image, "convolve", kernel=kernel, scale=scale, offset=offset)
    theirs = image.filter(as_pillow(kernel, scale=scale, offset=offset))
    # Pillow leaves the frame unchanged, rayjobs repeats the border's pixels. Halves are rounded to the even
    # number, in Pillow up: measured 57.0 at worst.
    assert decibels(ours, theirs, frame=2) >= 56


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("size", [2, 5, 16])
def test_pixelate_is_a_reduction_enlarged(name: str, size: int) -> None:
    image = kind(name)
    small = image.reduce(size)
    theirs = small.resize((small.width * size, small.height * size), Image.Resampling.NEAREST)
    # Both round the mean; libvips once for the columns, once for the rows.
    assert decibels(filtered(image, "pixelate", size=size), theirs.crop((0, 0, *image.size))) >= 50
