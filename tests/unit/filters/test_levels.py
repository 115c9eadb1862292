"""Curves and CLAHE, which Pillow does not have, on what is known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rayjobs.filters.curve import through_points
from rayjobs.filters.equalizing import equalized
from rayjobs.filters.levels import Clahe, Curves
from tests.support.pictures import array, picture, tiny, vips

POINTS = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=2, max_size=16).map(
    lambda points: tuple(sorted(dict(points).items()))
)


@given(POINTS.filter(lambda points: len(points) > 1))
def test_a_curve_goes_through_its_points_and_never_beyond_them(points: tuple[tuple[int, int], ...]) -> None:
    values = through_points(points)
    for first, second in points:
        assert values[first] == pytest.approx(second, abs=1e-6)
    assert values.min() >= min(second for _, second in points) - 1e-6
    assert values.max() <= max(second for _, second in points) + 1e-6


@given(POINTS.filter(lambda points: len(points) > 1))
def test_a_curve_rises_where_its_points_do(points: tuple[tuple[int, int], ...]) -> None:
    rising = tuple((first, sorted(s for _, s in points)[index]) for index, (first, _) in enumerate(points))
    assert (np.diff(through_points(rising)) >= -1e-6).all()


def test_a_curve_between_inner_points_is_scipys() -> None:
    values = through_points(((0, 0), (60, 30), (120, 200), (200, 210), (255, 255)))
    # By SciPy's PchipInterpolator; at the ends it looks for a slope of its own.
    assert values[[75, 90, 110, 160, 190]] == pytest.approx(
        [63.03, 119.497, 186.849, 205.232, 208.105], abs=1e-3
    )


def test_a_curve_of_one_band_turns_gray_into_colour() -> None:
    result = array(Curves(red=((0, 100), (255, 255))).apply(tiny([[0, 255]])))
    assert result.tolist() == [[[100, 0, 0], [255, 255, 255]]]


def test_clahe_widens_what_is_narrow_in_each_place() -> None:
    dull = tiny([[100 + (x + y) % 20 for x in range(64)] for y in range(64)])
    result = array(Clahe(tiles=4, limit=100).apply(dull))
    assert np.ptp(result) > 200


def test_clahe_at_its_lowest_limit_leaves_a_picture_nearly_as_it_is() -> None:
    plane = array(picture(200, 150, "L"))[..., 0]
    assert np.abs(equalized(plane, 8, 1.0).astype(int) - plane).mean() <= 8


def test_clahe_has_no_seams_between_its_tiles() -> None:
    slope = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    steps = np.abs(np.diff(equalized(slope, 4, 3.0).astype(int), axis=1))
    assert steps.max() <= 6


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (100, 2)])
def test_clahe_takes_pictures_smaller_than_its_grid(size: tuple[int, int]) -> None:
    assert array(Clahe(tiles=64).apply(vips(picture(*size)))).shape == (size[1], size[0], 3)


def test_clahe_keeps_the_hue() -> None:
    red = np.zeros((40, 40, 3), dtype=np.uint8)
    red[..., 0] = np.linspace(100, 140, 40)
    result = array(Clahe().apply(vips(Image.fromarray(red)))).astype(int)
    assert (result[..., 0] > result[..., 1] + 40).all()
