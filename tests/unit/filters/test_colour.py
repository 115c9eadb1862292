"""Filters of colour on single colours, whose result one knows."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from rayjobs.filters.base import Edit
from rayjobs.filters.colour import Channel, Flatten, Hue, Modulate, Temperature
from rayjobs.filters.tint import Monochrome, Tint
from tests.support.pictures import array, tiny, vips


def of_one_pixel(filter_: Edit, colour: Sequence[int]) -> list[int]:
    image = Image.fromarray(np.array([[colour]], dtype=np.uint8))
    values: list[int] = array(filter_.apply(vips(image)))[0, 0].tolist()
    return values


def test_modulate_without_saturation_is_gray_of_the_same_lightness() -> None:
    red, green, blue = of_one_pixel(Modulate(saturation=0), (255, 0, 0))
    assert max(red, green, blue) - min(red, green, blue) <= 1
    assert red == pytest.approx(127, abs=2)  # L* of red is 53.2, and that of 127 is 53.2


def test_modulate_adds_lightness_up_to_white() -> None:
    assert of_one_pixel(Modulate(lightness=100), (10, 20, 30)) == [255, 255, 255]
    assert of_one_pixel(Modulate(brightness=0), (10, 20, 30))[:1] <= [20]


def test_a_full_turn_of_the_hue_in_two_halves_gives_a_colour_back() -> None:
    colour = 120, 100, 140
    there = of_one_pixel(Hue(angle=180), colour)
    assert of_one_pixel(Hue(angle=180), there) == pytest.approx(colour, abs=2)


@pytest.mark.parametrize("gray", [0, 90, 255])
@pytest.mark.parametrize("filter_", [Hue(angle=77), Modulate(hue=77)])
def test_grays_have_no_hue(filter_: Edit, gray: int) -> None:
    assert of_one_pixel(filter_, (gray, gray, gray)) == pytest.approx([gray] * 3, abs=1)


def test_warm_light_is_red_and_cold_light_blue_at_the_same_luma() -> None:
    warm, cold = (of_one_pixel(Temperature(warmth=each), (128, 128, 128)) for each in (1, -1))
    assert warm[0] > 128 > warm[2]
    assert cold[2] > 128 > cold[0]
    for red, green, blue in (warm, cold):
        assert 0.299 * red + 0.587 * green + 0.114 * blue == pytest.approx(128, abs=1)


def test_a_tint_keeps_black_white_and_the_lightness_between() -> None:
    tint = Tint(colour="#4080ff")
    assert of_one_pixel(tint, (255, 255, 255)) == [255, 255, 255]
    assert of_one_pixel(tint, (0, 0, 0)) == [0, 0, 0]
    red, green, blue = of_one_pixel(tint, (128, 128, 128))
    assert blue > green > red


def test_half_a_strength_is_half_the_way() -> None:
    assert of_one_pixel(Monochrome(colour="#ff0000"), (200, 200, 200)) == [200, 0, 0]
    assert of_one_pixel(Monochrome(colour="#ff0000", strength=0.5), (200, 200, 200)) == [200, 100, 100]


def test_a_channel_of_a_gray_picture_is_its_gray_and_alpha_of_an_opaque_one_white() -> None:
    gray = tiny([[7, 8]])
    assert array(Channel(band="blue").apply(gray))[..., 0].tolist() == [[7, 8]]
    assert array(Channel(band="alpha").apply(gray))[..., 0].tolist() == [[255, 255]]
    assert of_one_pixel(Channel(band="alpha"), (1, 2, 3, 44)) == [44]


@pytest.mark.parametrize(
    ("background", "expected"), [("white", [255] * 3), ("#0a141e", [10, 20, 30]), ("transparent", [0, 0, 0])]
)
def test_what_is_transparent_becomes_the_background(background: str, expected: list[int]) -> None:
    assert of_one_pixel(Flatten(background=background), (99, 98, 97, 0)) == expected


def test_a_gray_picture_on_a_colour_becomes_coloured() -> None:
    clear = Image.new("LA", (1, 1), (5, 0))
    assert array(Flatten(background="#ff0000").apply(vips(clear))).tolist() == [[[255, 0, 0]]]
    assert array(Flatten(background="white").apply(vips(clear))).tolist() == [[[255]]]
