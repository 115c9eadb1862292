"""Blur, sharpen and edges on exact values; the masks behind them."""

import numpy as np
import pytest

from rayjobs.filters.detail import Blur, Sharpen
from rayjobs.filters.kernels import gaussian, row_mask, sharpness
from rayjobs.filters.outline import Edges
from tests.support.pictures import array, picture, tiny, vips

DOT = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 130, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_sharpen_by_0_is_the_smoothing_kernel() -> None:
    result = array(Sharpen(factor=0).apply(tiny(DOT)))[1:4, 1:4, 0]
    assert np.abs(result.astype(int) - [[10, 10, 10], [10, 50, 10], [10, 10, 10]]).max() <= 1


def test_edges_is_eight_times_the_middle_less_its_neighbours() -> None:
    result = array(Edges().apply(tiny([[9] * 5, [9] * 5, [9, 9, 19, 9, 9], [9] * 5, [9] * 5])))[..., 0]
    assert result[2, 2] == 80
    assert result[1, 1] == 0
    assert result[0].tolist() == [9] * 5


@pytest.mark.parametrize("name", [Edges(), Sharpen(factor=2), Sharpen(factor=0.5), Sharpen(factor=1.1)])
def test_the_outermost_pixels_keep_their_values(name: Edges | Sharpen) -> None:
    image = picture(21, 17)
    before, after = array(image), array(name.apply(vips(image)))
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert np.array_equal(before[edge], after[edge])


@pytest.mark.parametrize("radius", [0.3, 1, 5, 12.5, 40, 41, 150])
def test_an_even_picture_stays_even_when_blurred(radius: float) -> None:
    assert (array(Blur(radius=radius).apply(tiny([[201] * 37] * 29))) == 201).all()


@pytest.mark.parametrize("radius", [2, 5, 12, 30])
def test_a_blurred_edge_has_the_width_of_the_gaussian(radius: int) -> None:
    step = [[0] * 200 + [200] * 200] * 3
    row = array(Blur(radius=radius).apply(tiny(step)))[1, :, 0].astype(float)
    slope = np.diff(row) / 200
    at = np.arange(len(slope)) - 199
    assert (slope * at).sum() == pytest.approx(0, abs=0.15)
    assert np.sqrt((slope * at**2).sum()) == pytest.approx(radius, rel=0.03)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1, 2.5, 5, 20, 37.5, 40])
def test_masks_are_whole_numbers_over_a_power_of_two_with_gain_one(sigma: float) -> None:
    assert gaussian(sigma).sum() == pytest.approx(1)
    mask = row_mask(gaussian(sigma))
    values = np.array(mask.tolist())
    assert values.sum() == mask.scale == 2 ** round(np.log2(mask.scale))
    assert values.max() <= 66
    assert (values == values[:, ::-1]).all()


@pytest.mark.parametrize("factor", [0, 0.25, 0.5, 1.1, 1.5, 2, 3, 5, 10])
def test_sharpening_is_as_strong_as_asked(factor: float) -> None:
    mask, _ = sharpness(factor)
    values = np.array(mask.tolist()) / mask.scale
    assert values.sum() == pytest.approx(1)
    assert 1 - values[1, 1] == pytest.approx(8 * (1 - factor) / 13, rel=0.03)
