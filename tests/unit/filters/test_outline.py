"""Canny and Sobel, which Pillow does not have, on steps whose outlines are known."""

import numpy as np
import pytest

from rayjobs.filters.outline import Canny, Sobel
from tests.support.pictures import array, tiny


def step(height: int, side: int = 80) -> list[list[int]]:
    return [[10] * (side // 2) + [10 + height] * (side // 2)] * side


@pytest.mark.parametrize("sigma", [1.0, 1.4, 3.0, 6.0])
@pytest.mark.parametrize("height", [20, 40])
def test_an_outline_is_thin_and_as_light_as_its_step_is_high(height: int, sigma: float) -> None:
    middle = array(Canny(sigma=sigma, full=40).apply(tiny(step(height))))[40, :, 0].astype(int)
    assert np.flatnonzero(middle > 20).size <= 2
    assert middle.max() == pytest.approx(255 * height / 40, rel=0.06)


def test_an_even_picture_has_no_outline() -> None:
    assert array(Canny().apply(tiny([[90] * 30] * 30))).max() == 0
    assert array(Sobel().apply(tiny([[90] * 30] * 30))).max() == 0


def test_sobel_is_four_times_the_step() -> None:
    middle = array(Sobel().apply(tiny(step(20))))[40, :, 0]
    assert np.flatnonzero(middle).tolist() == [39, 40]
    assert middle.max() == 80


def test_sobel_is_the_same_in_every_direction() -> None:
    down = array(Sobel().apply(tiny(np.array(step(20)).T.tolist())))[..., 0].T
    assert np.array_equal(down, array(Sobel().apply(tiny(step(20))))[..., 0])
