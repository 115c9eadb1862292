"""Each filter against Pillow's of the same name: on photographs, within a floor in dB.

A floor is some dB below the worst that was measured, so that it catches another kernel, another
rounding or a shifted pixel, and not another version's last bit. 50 dB is a difference of less than one
level on average.
"""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from rayjobs.filters import CATALOGUE
from rayjobs.filters.base import Scene
from tests.support.pictures import PHOTOGRAPHS, SAMPLES, decibels, opened, photograph, picture, vips

LANCZOS = Image.Resampling.LANCZOS

SOURCES = (*PHOTOGRAPHS, "synthetic")


def source(name: str) -> Image.Image:
    if name == "synthetic":
        return picture(900, 700)
    image = photograph(name)
    return image.resize((1920, 1080)) if image.width > 2048 else image


def filtered(image: Image.Image, name: str, **parameters: Any) -> Any:
    return CATALOGUE[name].model_validate({"name": name, **parameters}).run(vips(image), Scene())


@pytest.mark.parametrize("size", [(256, 200), (333, 500), (512, 384)])
@pytest.mark.parametrize("name", SOURCES)
def test_resize_to_less_is_lanczos(name: str, size: tuple[int, int]) -> None:
    image = source(name)
    ours = filtered(image, "resize", width=size[0], height=size[1])
    # libvips shrinks by a box before Lanczos when it scales far down; measured 48.1 at worst.
    assert decibels(ours, image.resize(size, LANCZOS)) >= 45


@pytest.mark.parametrize("name", SOURCES)
def test_resize_to_more_is_lanczos(name: str) -> None:
    image = source(name).resize((300, 200))
    ours = filtered(image, "resize", width=800, height=700)
    assert decibels(ours, image.resize((800, 700), LANCZOS)) == 99


@pytest.mark.parametrize("name", SOURCES)
def test_resize_to_cover_is_pillows_fit(name: str) -> None:
    image = source(name)
    ours = filtered(image, "resize", width=300, height=300, fit="cover")
    # Pillow crops between pixels, rayjobs at pixels: up to half a source pixel of shift.
    assert decibels(ours, ImageOps.fit(image, (300, 300), LANCZOS)) >= 45


def test_resize_mixes_alpha_as_pillow_does() -> None:
    image = opened((SAMPLES / "fig_alpha.png").read_bytes())
    ours = filtered(image, "resize", width=320, height=240)
    theirs = image.resize((320, 240), LANCZOS)
    white = Image.new("RGBA", theirs.size, "white")
    assert decibels(ours.flatten(background=255), Image.alpha_composite(white, theirs).convert("RGB")) >= 50


@pytest.mark.parametrize("radius", [0.5, 1, 2, 5, 12])
@pytest.mark.parametrize("name", SOURCES)
def test_blur_is_pillows_gaussian(name: str, radius: float) -> None:
    image = source(name)
    # Weights of 6 bits against Pillow's of 24, one rounding instead of three. Measured 49.0 at worst, 54.0
    # at a radius of 5.
    ours = filtered(image, "blur", radius=radius)
    assert decibels(ours, image.filter(ImageFilter.GaussianBlur(radius))) >= 48


@pytest.mark.parametrize("radius", [30, 60, 150])
@pytest.mark.parametrize("name", SOURCES)
def test_a_wide_blur_is_pillows_inside_its_margin(name: str, radius: int) -> None:
    image = source(name).resize((1600, 1200))
    # Pillow repeats the border's pixels before each of its three passes, rayjobs once: a margin of all three
    # differs.
    ours = filtered(image, "blur", radius=radius)
    assert decibels(ours, image.filter(ImageFilter.GaussianBlur(radius)), frame=3 * radius) >= 48


@pytest.mark.parametrize(("factor", "floor"), [(0, 60), (0.5, 50), (1.5, 50), (2, 52), (3, 48), (10, 38)])
@pytest.mark.parametrize("name", SOURCES)
def test_sharpen_is_pillows_sharpness(name: str, factor: float, floor: float) -> None:
    image = source(name)
    # Pillow rounds the smoothed picture and multiplies the rounding with `factor - 1`; rayjobs rounds once.
    ours = filtered(image, "sharpen", factor=factor)
    assert decibels(ours, ImageEnhance.Sharpness(image).enhance(factor)) >= floor


@pytest.mark.parametrize("name", SOURCES)
def test_edges_equals_pillows_find_edges(name: str) -> None:
    image = source(name)
    assert decibels(filtered(image, "edges"), image.filter(ImageFilter.FIND_EDGES)) == 99


@pytest.mark.parametrize("name", SOURCES)
def test_grayscale_is_pillows_luma(name: str) -> None:
    # 81.8 dB: equal but for halves, which Pillow's whole-number weights round another way.
    assert decibels(filtered(source(name), "grayscale"), source(name).convert("L")) >= 60


@pytest.mark.parametrize("factor", [0, 0.4, 1.5, 4])
@pytest.mark.parametrize(
    ("ours", "theirs", "floor"),
    [
        ("brightness", ImageEnhance.Brightness, 99),
        ("contrast", ImageEnhance.Contrast, 99),
        # Pillow rounds the gray first and truncates the sum; rayjobs rounds once.
        ("saturation", ImageEnhance.Color, 45),
    ],
)
@pytest.mark.parametrize("name", SOURCES)
def test_tone_is_pillows_enhancement(
    name: str, ours: str, theirs: Callable[[Image.Image], Any], floor: float, factor: float
) -> None:
    image = source(name)
    assert decibels(filtered(image, ours, factor=factor), theirs(image).enhance(factor)) >= floor


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
@pytest.mark.parametrize(
    ("name", "parameters", "theirs", "floor"),
    [
        ("edges", {}, ImageFilter.FIND_EDGES, 99),
        ("blur", {"radius": 5}, ImageFilter.GaussianBlur(5), 48),
    ],
)
def test_gray_and_alpha_are_filtered_alike(
    name: str, parameters: dict[str, Any], theirs: ImageFilter.Filter, floor: float, mode: str
) -> None:
    image = picture(400, 300, mode).convert("LA" if mode == "LA" else mode)
    if mode != "L":
        image.putalpha(255)
    opaque = image.convert("L" if mode in {"L", "LA"} else "RGB")
    ours = filtered(image, name, **parameters)
    colour = ours if mode == "L" else ours.extract_band(0, n=ours.bands - 1)
    assert decibels(colour, opaque.filter(theirs)) >= floor
