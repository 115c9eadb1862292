"""What holds for every filter of the catalogue."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from rayjobs.filters import CATALOGUE, FilterSpec, describe
from rayjobs.filters.base import Filter
from tests.support.pictures import array, picture, vips

EXAMPLES: dict[str, dict[str, Any]] = {
    "resize": {"width": 5, "height": 4},
    "thumbnail": {"size": 4},
    "crop": {"left": 0, "top": 0, "width": 1, "height": 1},
    "rotate": {"angle": 90},
    "flip": {"direction": "vertical"},
    "auto_orient": {},
    "grayscale": {},
    "brightness": {"factor": 1.3},
    "contrast": {"factor": 1.3},
    "saturation": {"factor": 1.3},
    "blur": {"radius": 1.5},
    "sharpen": {"factor": 2.0},
    "edges": {},
}

NEUTRAL = [
    ("blur", {"radius": 0}),
    ("sharpen", {"factor": 1}),
    ("brightness", {"factor": 1}),
    ("contrast", {"factor": 1}),
    ("saturation", {"factor": 1}),
    ("thumbnail", {"size": 16384}),
    ("resize", {"width": 24, "height": 18}),
    ("resize", {"width": 16384, "fit": "inside"}),
    ("auto_orient", {}),
]

MODES = ("L", "LA", "RGB", "RGBA")


def made(name: str, **parameters: Any) -> Filter:  # noqa: ANN401 - as a request has them
    return CATALOGUE[name].model_validate({"name": name, **parameters})


def test_every_filter_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(CATALOGUE)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3), (13, 9)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_takes_pictures_of_any_bands_and_size(name: str, mode: str, size: tuple[int, int]) -> None:
    image = vips(picture(*size, mode))
    before = array(image).copy()
    result = made(name, **EXAMPLES[name]).apply(image)
    bands = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    gray = name == "grayscale"
    assert result.format == "uchar"
    assert result.bands == (bands - 2 if gray and bands > 2 else bands)
    assert array(result).shape == (result.height, result.width, result.bands)
    assert np.array_equal(array(image), before)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "parameters"), NEUTRAL)
def test_neutral_parameters_give_the_picture_back(name: str, parameters: dict[str, Any], mode: str) -> None:
    image = picture(24, 18, mode)
    assert np.array_equal(array(made(name, **parameters).apply(vips(image))), array(image))


@pytest.mark.parametrize("name", ["grayscale", "brightness", "contrast", "saturation", "sharpen", "edges"])
def test_colour_filters_leave_alpha_alone(name: str) -> None:
    image = picture(40, 30, "RGBA")
    result = array(made(name, **EXAMPLES[name]).apply(vips(image)))
    assert np.array_equal(result[..., -1], array(image)[..., -1])


@pytest.mark.parametrize(
    ("name", "parameters", "tolerance"),
    # Lanczos overshoots beside an edge, by 8 % of it, in Pillow too.
    [("blur", {"radius": 2}, 4), ("resize", {"width": 9, "height": 9}, 17)],
)
def test_transparent_pixels_do_not_bleed_their_colour(
    name: str, parameters: dict[str, Any], tolerance: int
) -> None:
    values = np.zeros((18, 18, 4), dtype=np.uint8)
    values[:, :9] = (200, 100, 50, 255)
    values[:, 9:] = (0, 255, 0, 0)
    result = array(made(name, **parameters).apply(vips(Image.fromarray(values))))
    visible = result[result[..., 3] > 40][:, :3].astype(int)
    assert np.abs(visible - (200, 100, 50)).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("blur", {"radius": 150.1}),
        ("blur", {"radius": -0.1}),
        ("blur", {"radius": float("nan")}),
        ("blur", {"radius": float("inf")}),
        ("blur", {"radius": "5"}),
        ("blur", {"radius": True}),
        ("sharpen", {"factor": 10.5}),
        ("resize", {"width": 0, "height": 5}),
        ("resize", {"width": 16385, "height": 5}),
        ("resize", {"width": 5}),
        ("resize", {"fit": "inside"}),
        ("resize", {"width": 5, "height": 5, "fit": "outside"}),
        ("crop", {"left": -1, "top": 0, "width": 1, "height": 1}),
        ("rotate", {"angle": 45}),
        ("flip", {"direction": "both"}),
        ("edges", {"radius": 1}),
    ],
)
def test_parameters_out_of_their_bounds_are_refused(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(name, **parameters)


def test_the_union_and_the_catalogue_have_the_same_filters() -> None:
    schema = TypeAdapter(FilterSpec).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(CATALOGUE)


def test_the_description_says_what_each_filter_does_and_takes() -> None:
    for entry in describe():
        assert entry["summary"].endswith((".", "`.")), entry
        for name, field in entry["schema"]["properties"].items():
            assert name == "name" or "description" in field, (entry["name"], name)
