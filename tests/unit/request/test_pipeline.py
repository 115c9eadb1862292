"""Parsing pipelines: what is accepted, and how precisely the rest is refused."""

from typing import Any

import pytest

from rayjobs.errors import InvalidPipelineError, InvalidRequestError, Problem, UnknownFilterError
from rayjobs.filters.detail import Blur
from rayjobs.request.pipeline import MAX_FILTERS, Pipeline, parse_pipeline


def problem_of(raw: Any) -> Problem:
    with pytest.raises(InvalidRequestError) as caught:
        parse_pipeline(raw)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_the_filters_keep_their_order() -> None:
    pipeline = parse_pipeline([{"name": "grayscale"}, {"name": "blur", "radius": 5}, {"name": "edges"}])
    assert [each.name for each in pipeline.filters] == ["grayscale", "blur", "edges"]
    assert pipeline.filters[1] == Blur(radius=5)


def test_no_filter_at_all_is_a_pipeline() -> None:
    assert parse_pipeline([]) == Pipeline()


def test_defaults_are_filled_in_and_parse_again() -> None:
    pipeline = parse_pipeline([{"name": "resize", "width": 512, "height": 512}, {"name": "auto_orient"}])
    assert pipeline.as_json()[0] == {
        "name": "resize",
        "width": 512,
        "height": 512,
        "fit": "fill",
        "upscale": False,
        "gravity": "center",
        "background": None,
    }
    assert parse_pipeline(pipeline.as_json()) == pipeline


@pytest.mark.parametrize(
    ("one", "pointer", "code", "limit", "actual"),
    [
        ({"name": "blur", "radius": 151}, "/radius", "out_of_bounds", 150, 151),
        ({"name": "blur", "radius": -1}, "/radius", "out_of_bounds", 0, -1),
        ({"name": "blur", "radius": float("nan")}, "/radius", "not_finite", None, "nan"),
        ({"name": "blur", "radius": float("inf")}, "/radius", "not_finite", None, "inf"),
        ({"name": "blur", "radius": "5"}, "/radius", "wrong_type", None, "5"),
        ({"name": "blur", "radius": True}, "/radius", "wrong_type", None, "true"),
        ({"name": "blur", "radius": None}, "/radius", "wrong_type", None, "null"),
        ({"name": "blur", "radius": [1]}, "/radius", "wrong_type", None, "list"),
        ({"name": "blur"}, "/radius", "missing", None, None),
        ({"name": "thumbnail", "size": 2.5}, "/size", "wrong_type", None, 2.5),
        ({"name": "thumbnail", "size": 10**400}, "/size", "out_of_bounds", 16384, str(10**400)[:80]),
        ({"name": "edges", "a/b~c": 1}, "/a~1b~0c", "unknown_field", None, 1),
        (
            {"name": "flip", "direction": "up"},
            "/direction",
            "not_allowed",
            "'horizontal' or 'vertical'",
            "up",
        ),
        ({"name": "rotate", "angle": 361}, "/angle", "out_of_bounds", 360, 361),
        ({"name": "resize", "width": 5}, "", "missing", None, None),
        ({}, "/name", "missing", None, None),
        ({"name": 5}, "/name", "wrong_type", None, 5),
        ("blur", "", "wrong_type", None, "blur"),
        (None, "", "wrong_type", None, "null"),
    ],
)
def test_a_problem_names_its_place_its_bound_and_the_value(
    one: Any,
    pointer: str,
    code: str,
    limit: float | str | None,
    actual: float | str | None,
) -> None:
    problem = problem_of([{"name": "edges"}, one])
    assert (problem.pointer, problem.code) == (f"/pipeline/1{pointer}", code)
    assert (problem.limit, problem.actual) == (limit, actual)


def test_a_bound_is_told_with_its_unit() -> None:
    assert problem_of([{"name": "blur", "radius": 151}]).detail == "must be at most 150 px"
    assert problem_of([{"name": "thumbnail", "size": 0}]).detail == "must be at least 1 px"
    assert problem_of([{"name": "resize", "width": 20000, "height": 9}]).detail == "must be at most 16384 px"


@pytest.mark.parametrize(
    ("raw", "hint"),
    [([{"name": "blurr"}], "'blur'"), ([{"name": "greyscale"}], "'grayscale'"), ([{"name": "x" * 500}], "")],
)
def test_an_unknown_filter_is_met_with_the_nearest_name(raw: Any, hint: str) -> None:
    with pytest.raises(UnknownFilterError) as caught:
        parse_pipeline(raw)
    assert caught.value.problems[0].code == "unknown_filter"
    assert hint in caught.value.problems[0].detail
    assert len(caught.value.problems[0].detail) < 200


def test_an_unknown_field_is_met_with_the_nearest_name() -> None:
    with pytest.raises(InvalidPipelineError) as caught:
        parse_pipeline([{"name": "blur", "radus": 5}])
    assert "'radius'" in next(each.detail for each in caught.value.problems if each.code == "unknown_field")


def test_all_problems_come_at_once_under_the_callers_pointer() -> None:
    with pytest.raises(UnknownFilterError) as caught:
        parse_pipeline([{"name": "blur"}, {"name": "nope"}, {"name": "crop", "left": -1}], "/a/b")
    pointers = [each.pointer for each in caught.value.problems]
    assert pointers[:3] == ["/a/b/0/radius", "/a/b/1/name", "/a/b/2/left"]


def test_too_many_filters_are_refused() -> None:
    parse_pipeline([{"name": "edges"}] * MAX_FILTERS)
    problem = problem_of([{"name": "edges"}] * (MAX_FILTERS + 1))
    assert (problem.pointer, problem.limit, problem.actual) == ("/pipeline", 20, 21)


@pytest.mark.parametrize("raw", [{}, "edges", None, 5])
def test_what_is_no_list_is_refused(raw: Any) -> None:
    assert problem_of(raw).code == "wrong_type"


def test_the_first_pixel_filter_says_what_the_decoder_may_shrink_to() -> None:
    thumbnail = {"name": "thumbnail", "size": 100}
    assert parse_pipeline([thumbnail]).shrinks_to((400, 200)) == (100, 50)
    assert parse_pipeline([{"name": "auto_orient"}, thumbnail]).shrinks_to((400, 200)) == (100, 50)
    assert parse_pipeline([{"name": "blur", "radius": 5}, thumbnail]).shrinks_to((400, 200)) is None
    assert Pipeline().shrinks_to((400, 200)) is None


def test_only_the_first_filter_switches_the_orientation_off() -> None:
    off = {"name": "auto_orient", "enabled": False}
    assert not parse_pipeline([off]).auto_orients
    assert parse_pipeline([{"name": "edges"}, off]).auto_orients
    assert Pipeline().auto_orients


def test_two_analyses_may_not_answer_to_one_key() -> None:
    problem = problem_of([{"name": "phash"}, {"name": "edges"}, {"name": "phash"}])
    assert (problem.pointer, problem.code) == ("/pipeline/2/key", "not_unique")
    assert len(parse_pipeline([{"name": "phash"}, {"name": "phash", "key": "after"}]).filters) == 2


def test_the_second_pictures_are_known() -> None:
    raw = [{"name": "edges"}, {"name": "watermark", "picture": "sample:a.png"}]
    assert list(parse_pipeline(raw).pictures) == [(1, "sample:a.png")]
