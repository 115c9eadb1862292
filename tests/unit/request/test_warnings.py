"""What a dry run says of a pipeline that runs, but not as well as it could."""

from typing import Any

import pytest

from rayjobs.request.pipeline import parse_pipeline
from rayjobs.request.warnings import warnings_of

SMALL = {"name": "thumbnail", "size": 100}
BLUR = {"name": "blur", "radius": 5}
GRAY = {"name": "grayscale"}


def said(*raw: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.pointer, each.code) for each in warnings_of(parse_pipeline(list(raw)))]


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [SMALL, BLUR, GRAY],
        [{"name": "auto_orient"}, SMALL],
        [{"name": "phash"}, SMALL],
        [GRAY, {"name": "brightness", "factor": 2}],
        [BLUR, {"name": "crop_to", "width": 9, "height": 9}],
    ],
)
def test_a_good_pipeline_is_left_alone(raw: list[dict[str, Any]]) -> None:
    assert said(*raw) == []


@pytest.mark.parametrize("early", [BLUR, {"name": "median", "size": 5}, GRAY, {"name": "negate"}])
def test_a_late_resize_is_told(early: dict[str, Any]) -> None:
    assert said(early, SMALL) == [("/pipeline/1", "resize_late")]


def test_a_late_resize_names_what_it_makes_slow() -> None:
    assert "blur" in warnings_of(parse_pipeline([GRAY, BLUR, SMALL]))[0].detail


def test_what_has_no_effect_is_told() -> None:
    assert said(GRAY, {"name": "saturation", "factor": 2}) == [("/pipeline/1", "no_effect")]
    assert said(BLUR, {"name": "auto_orient"}) == [("/pipeline/1", "no_effect")]


def test_a_second_resize_is_told() -> None:
    assert said(SMALL, {"name": "resize", "width": 50, "height": 50}) == [("/pipeline/1", "resize_twice")]


def test_few_values_that_are_mixed_again_are_told() -> None:
    assert ("/pipeline/1", "values_mixed") in said({"name": "threshold"}, SMALL)
