"""Filters of single pixels, on exact values."""

import numpy as np
import pytest
from PIL import Image

from rayjobs.filters import CATALOGUE, pixels
from rayjobs.filters.base import Scene
from rayjobs.filters.pixels import LUMA
from rayjobs.filters.tone import Brightness, Contrast, Grayscale, Saturation
from tests.support.pictures import array, decibels, picture, tiny, vips


def colour(*rgb: int) -> Image.Image:
    return Image.fromarray(np.full((2, 2, 3), rgb, dtype=np.uint8))


@pytest.mark.parametrize(
    ("rgb", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)]
)
def test_grayscale_is_the_luma_of_bt_601(rgb: tuple[int, int, int], luma: int) -> None:
    result = Grayscale().apply(vips(colour(*rgb)))
    assert (result.bands, result.interpretation) == (1, "b-w")
    assert (array(result) == luma).all()


def test_brightness_multiplies_and_clips() -> None:
    assert array(Brightness(factor=1.5).apply(tiny([[0, 10, 200]])))[..., 0].tolist() == [[0, 15, 255]]
    assert array(Brightness(factor=0).apply(tiny([[0, 10, 200]]))).max() == 0


def test_contrast_spreads_about_the_mean_and_0_is_an_even_gray() -> None:
    assert array(Contrast(factor=2).apply(tiny([[90, 110]])))[..., 0].tolist() == [[80, 120]]
    assert array(Contrast(factor=0).apply(tiny([[90, 110]])))[..., 0].tolist() == [[100, 100]]


def test_saturation_0_is_the_luma_in_each_band() -> None:
    assert (array(Saturation(factor=0).apply(vips(colour(255, 0, 0)))) == 76).all()


def test_saturation_leaves_grays_alone() -> None:
    assert (
        array(Saturation(factor=3).apply(vips(colour(90, 90, 90)))).tolist()
        == array(colour(90, 90, 90)).tolist()
    )


def test_contrast_and_equalize_look_at_what_can_be_seen() -> None:
    values = np.zeros((4, 4, 4), dtype=np.uint8)
    values[:2] = (100, 100, 100, 255)
    values[0, 0] = (140, 140, 140, 255)
    values[2:, :, :3] = 255
    seen = array(Contrast(factor=2).apply(vips(Image.fromarray(values))))[:2]
    alone = array(Contrast(factor=2).apply(vips(Image.fromarray(values[:2, :, :3].copy()))))
    assert np.array_equal(seen[..., :3], alone)
    for name in ("equalize", "auto_levels"):
        filter_ = CATALOGUE[name].model_validate({"name": name})
        with_hidden = array(filter_.run(vips(Image.fromarray(values)), Scene()))[:2, :, :3]
        without = array(filter_.run(vips(Image.fromarray(values[:2, :, :3].copy())), Scene()))
        assert np.array_equal(with_hidden, without), name


@pytest.mark.parametrize(
    "name", ["contrast", "equalize", "auto_levels", "statistics", "histogram", "palette"]
)
def test_a_picture_of_nothing_is_no_fault(name: str) -> None:
    example = CATALOGUE[name].model_validate(CATALOGUE[name].example())
    assert array(example.run(vips(Image.new("RGBA", (3, 3))), Scene())).shape == (3, 3, 4)


@pytest.mark.parametrize("rows", [[LUMA], [[1.2, -0.1, -0.1], [0, 3, 0], [0.3, 0.3, 0.5]]])
def test_colours_are_recombined_alike_in_a_small_and_in_a_large_picture(
    rows: list[list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = vips(picture(61, 47))
    small = pixels.recombined(image, rows)
    monkeypatch.setattr(pixels, "PASSED_PIXELS", 0)
    large = pixels.recombined(image, rows)
    assert (small.bands, small.interpretation) == (large.bands, large.interpretation)
    # A half may be rounded up or to the even number.
    assert decibels(small, large) > 60
