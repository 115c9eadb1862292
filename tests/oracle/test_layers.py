"""Filters that lay something over a picture, against Pillow's composites and drawings."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from tests.support.oracle import filtered, kind
from tests.support.pictures import array, decibels, picture

Blend = Callable[[Image.Image, Image.Image], Image.Image]
Mix = Callable[["npt.NDArray[np.float64]", "npt.NDArray[np.float64]"], "npt.NDArray[np.float64]"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_over_is_pillows_alpha_composite(mode: str) -> None:
    below, above = picture(60, 40, mode, seed=1), picture(60, 40, "RGBA", seed=2)
    theirs = Image.alpha_composite(below.convert("RGBA"), above)
    ours = filtered(below, "composite", above, picture="sample:a.png")
    if ours.bands == 3:
        theirs = theirs.convert("RGB")
        assert decibels(ours, theirs) >= 48
    else:
        # The colours of nearly transparent pixels do not count, so both are flattened on white.
        white = Image.new("RGBA", theirs.size, "white")
        flat = Image.alpha_composite(white, Image.fromarray(array(ours)))
        assert decibels(flat, Image.alpha_composite(white, theirs)) >= 45


@pytest.mark.parametrize(
    ("blend", "theirs", "floor"),
    [
        ("multiply", ImageChops.multiply, 48),
        ("screen", ImageChops.screen, 48),
        ("darken", ImageChops.darker, 48),
        ("lighten", ImageChops.lighter, 48),
        ("difference", ImageChops.difference, 48),
        ("overlay", ImageChops.overlay, 44),
        ("hard-light", ImageChops.hard_light, 44),
    ],
)
def test_blends_are_pillows(blend: str, theirs: Blend, floor: float) -> None:
    below, above = kind("clouds"), picture(200, 150, seed=5)
    # libvips truncates where Pillow rounds, or the reverse.
    ours = filtered(below, "composite", above, picture="sample:a.png", blend=blend)
    assert decibels(ours, theirs(below, above)) >= floor


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(
    ("blend", "mixed"),
    [
        ("multiply", lambda below, above: below * above),
        ("screen", lambda below, above: below + above - below * above),
        ("exclusion", lambda below, above: below + above - 2 * below * above),
    ],
)
def test_transparent_pixels_are_mixed_by_the_formula_of_w3c(blend: str, mixed: Mix, mode: str) -> None:
    below, above = picture(60, 40, mode, seed=1), picture(60, 40, "RGBA", seed=2)
    b, a = (np.asarray(image.convert("RGBA")) / 255 for image in (below, above))
    under, over = b[..., 3:], a[..., 3:]
    colours = over * ((1 - under) * a[..., :3] + under * mixed(b[..., :3], a[..., :3]))
    alpha = under + over - under * over
    on_black = colours + (1 - over) * under * b[..., :3]

    ours = array(filtered(below, "composite", above, picture="sample:a.png", blend=blend)) / 255
    ours_on_black = ours[..., :3] * ours[..., 3:] if mode == "RGBA" else ours

    one, other = (Image.fromarray(np.rint(each * 255).astype(np.uint8)) for each in (ours_on_black, on_black))
    assert decibels(one, other) >= 48  # colours of next to nothing lose bits
    if mode == "RGBA":
        assert np.abs(ours[..., 3:] - alpha).max() <= 1 / 255


def test_half_an_opacity_is_half_a_blend() -> None:
    below, above = kind("clouds"), picture(200, 150, seed=5)
    ours = filtered(below, "composite", above, picture="sample:a.png", opacity=0.5)
    assert decibels(ours, Image.blend(below, above, 0.5)) >= 48


@pytest.mark.parametrize(
    ("gravity", "at"), [("northwest", (5, 5)), ("southeast", (165, 120)), ("center", (85, 62))]
)
def test_a_watermark_lies_where_it_should(gravity: str, at: tuple[int, int]) -> None:
    image, mark = kind("clouds"), picture(30, 25, "RGBA", seed=4)
    theirs = image.copy()
    theirs.paste(mark, at, mark)
    ours = filtered(image, "watermark", mark, picture="sample:a.png", gravity=gravity, margin=5, scale=None)
    assert decibels(ours, theirs) >= 50


def test_a_watermark_has_the_given_part_of_the_picture() -> None:
    image, mark = Image.new("RGB", (200, 100)), Image.new("RGB", (40, 10), "white")
    lit = array(filtered(image, "watermark", mark, picture="sample:a.png", scale=0.5, margin=0))[..., 0] > 128
    assert (lit.any(axis=0).sum(), lit.any(axis=1).sum()) == (100, 25)


def test_a_tiled_watermark_is_all_over_the_picture() -> None:
    image, mark = Image.new("RGB", (95, 70)), Image.new("RGB", (10, 10), "white")
    options = {"picture": "sample:a.png", "gravity": "northwest", "margin": 5, "scale": None, "tile": True}
    lit = array(filtered(image, "watermark", mark, **options))[..., 0]
    cell = np.zeros((15, 15), dtype=np.uint8)
    cell[:10, :10] = 255
    assert np.array_equal(lit, np.tile(cell, (5, 7))[:70, :95])


@pytest.mark.parametrize("radius", [8, 25, 1000])
def test_rounded_corners_are_pillows_rounded_rectangle(radius: int) -> None:
    image = kind("clouds")
    big = Image.new("L", (image.width * 8, image.height * 8))
    ImageDraw.Draw(big).rounded_rectangle((0, 0, big.width - 1, big.height - 1), min(radius, 75) * 8, 255)
    # Drawn eight times as large and reduced: Pillow's own corners are jagged.
    assert decibels(filtered(image, "round_corners", radius=radius).extract_band(3)[0], big.reduce(8)) >= 40


def test_text_has_the_ink_of_pillows_at_its_place() -> None:
    image = Image.new("RGB", (400, 100))
    ours = array(
        filtered(image, "text", text="rayjobs 2026", size=40, gravity="northwest", padding=0, margin=10)
    )
    theirs = Image.new("L", image.size)
    ImageDraw.Draw(theirs).text((10, 10), "rayjobs 2026", 255, ImageFont.load_default(40), anchor="lt")
    rows, columns = (np.flatnonzero((ours[..., 0] > 100).any(axis=axis)) for axis in (1, 0))
    left, top, right, bottom = theirs.point(lambda value: 255 * (value > 100)).getbbox() or (0, 0, 0, 0)
    found = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    # Pango sets the letters 2 % closer.
    assert np.abs(np.array(found) - (left, top, right, bottom)).max() <= 6
    assert ours[..., 0].mean() == pytest.approx(array(theirs).mean(), rel=0.06)


def test_a_gradient_is_straight_and_as_css_has_it() -> None:
    image = Image.new("RGB", (256, 40), "white")
    ours = array(filtered(image, "gradient", start="transparent", end="black", angle=90)).astype(float)
    expected = 255 - (np.arange(256) + 0.5) / 256 * 255
    # Alpha is rounded, and libvips truncates the result.
    assert np.abs(ours[20, :, 0] - expected).max() <= 1.5


def test_a_filled_area_is_pillows_rectangle() -> None:
    image = kind("clouds")
    theirs = image.copy()
    ImageDraw.Draw(theirs).rectangle((50, 30, 99, 74), "#204060")
    area = {"left": 25, "top": 20, "width": 25, "height": 30}
    assert decibels(filtered(image, "redact", areas=[area], colour="#204060"), theirs) == 99
