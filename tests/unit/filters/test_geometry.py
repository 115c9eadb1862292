"""Filters that move pixels or change the size, on pictures small enough to check by eye."""

from typing import Any

import numpy as np
import pytest

from rayjobs.errors import FilterFailedError
from rayjobs.filters.cropping import Crop
from rayjobs.filters.geometry import Flip, Rotate
from rayjobs.filters.scale import Resize, Thumbnail
from tests.support.pictures import array, picture, tiny, vips

ROWS = [[1, 2, 3], [4, 5, 6]]


def rows(image: Any) -> list[list[int]]:
    values: list[list[int]] = array(image)[..., 0].tolist()
    return values


@pytest.mark.parametrize(
    ("angle", "expected"),
    [(90, [[4, 1], [5, 2], [6, 3]]), (180, [[6, 5, 4], [3, 2, 1]]), (270, [[3, 6], [2, 5], [1, 4]])],
)
def test_rotate_turns_clockwise(angle: Any, expected: list[list[int]]) -> None:
    assert rows(Rotate(angle=angle).apply(tiny(ROWS))) == expected


def test_flip_mirrors_along_its_direction() -> None:
    assert rows(Flip(direction="horizontal").apply(tiny(ROWS))) == [[3, 2, 1], [6, 5, 4]]
    assert rows(Flip(direction="vertical").apply(tiny(ROWS))) == [[4, 5, 6], [1, 2, 3]]


def test_crop_cuts_out_its_rectangle() -> None:
    assert rows(Crop(left=1, top=0, width=2, height=2).apply(tiny(ROWS))) == [[2, 3], [5, 6]]


@pytest.mark.parametrize(
    ("crop", "limit", "actual"),
    [
        (Crop(left=2, top=0, width=2, height=1), 3, 4),
        (Crop(left=0, top=1, width=1, height=2), 2, 3),
        (Crop(left=10**9, top=0, width=1, height=1), 3, 10**9 + 1),
    ],
)
def test_crop_beyond_the_picture_fails_with_the_bound(crop: Crop, limit: int, actual: int) -> None:
    with pytest.raises(FilterFailedError, match="crop: ") as caught:
        crop.apply(tiny(ROWS))
    assert (caught.value.limit, caught.value.actual) == (limit, actual)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"width": 50, "height": 70}, (50, 70)),
        ({"width": 400, "height": 500}, (400, 500)),
        ({"width": 50, "height": 50, "fit": "inside"}, (50, 25)),
        ({"width": 50, "fit": "inside"}, (50, 25)),
        ({"height": 50, "fit": "inside"}, (100, 50)),
        ({"width": 400, "height": 400, "fit": "inside"}, (200, 100)),
        ({"width": 400, "height": 400, "fit": "inside", "upscale": True}, (400, 200)),
        ({"width": 50, "height": 50, "fit": "cover"}, (50, 50)),
        ({"width": 400, "height": 50, "fit": "cover"}, (200, 50)),
        ({"width": 400, "height": 400, "fit": "cover", "upscale": True}, (400, 400)),
        ({"width": 50, "height": 50, "fit": "contain"}, (50, 50)),
        ({"width": 400, "height": 300, "fit": "contain"}, (400, 300)),
    ],
)
def test_resize_gives_the_size_that_its_fit_promises(
    parameters: dict[str, Any], expected: tuple[int, int]
) -> None:
    result = Resize.model_validate(parameters).apply(vips(picture(200, 100)))
    assert (result.width, result.height) == expected


def test_contain_pads_evenly_in_white_or_transparent() -> None:
    opaque = array(Resize(width=40, height=40, fit="contain").apply(vips(picture(40, 20))))
    assert (opaque[:10] == 255).all()
    assert (opaque[-10:] == 255).all()
    assert not (opaque[10:30] == 255).all()
    clear = array(Resize(width=40, height=40, fit="contain").apply(vips(picture(40, 20, "RGBA"))))
    assert (clear[:10, :, 3] == 0).all()


def test_cover_keeps_the_middle() -> None:
    image = np.zeros((10, 30), dtype=int)
    image[:, 10:20] = 255
    result = Resize(width=10, height=10, fit="cover").apply(tiny(image.tolist()))
    assert (array(result) == 255).all()


def test_cover_and_contain_lie_where_they_are_told_to() -> None:
    image = np.zeros((10, 30), dtype=int)
    image[:, 20:] = 255
    right = Resize(width=10, height=10, fit="cover", gravity="east").apply(tiny(image.tolist()))
    assert (array(right) == 255).all()
    low = array(
        Resize(width=40, height=40, fit="contain", gravity="south", background="#102030").apply(
            vips(picture(40, 20))
        )
    )
    assert (low[:20] == (16, 32, 48)).all()
    assert not (low[20:] == (16, 32, 48)).all()


def test_cover_of_a_thread_needs_no_gigantic_picture() -> None:
    thread = tiny([[value % 256] for value in range(5000)])
    result = Resize(width=1000, height=1000, fit="cover", upscale=True).apply(thread)
    assert (result.width, result.height) == (1000, 1000)


def test_inside_refuses_a_result_beyond_the_longest_side() -> None:
    with pytest.raises(FilterFailedError) as caught:
        Resize(width=2000, fit="inside", upscale=True).apply(tiny([[1], [2]] * 10))
    assert (caught.value.limit, caught.value.actual) == (16384, 40000)


@pytest.mark.parametrize(("size", "expected"), [(64, (64, 32)), (1, (1, 1)), (500, (200, 100))])
def test_thumbnail_fits_into_its_box_and_never_enlarges(size: int, expected: tuple[int, int]) -> None:
    result = Thumbnail(size=size).apply(vips(picture(200, 100)))
    assert (result.width, result.height) == expected
    assert Thumbnail(size=size).shrinks_to((200, 100)) == expected


def test_an_even_picture_stays_even_at_any_size() -> None:
    for side in (1, 2, 7, 63, 64):
        result = array(Resize(width=side, height=side + 1).apply(tiny([[77] * 50] * 40)))
        assert (result == 77).all(), side
