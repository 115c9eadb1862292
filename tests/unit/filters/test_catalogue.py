"""What holds for every filter of the catalogue."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from rayjobs.filters import CATALOGUE, FAMILIES, describe
from rayjobs.filters.base import Analysis, Filter, Scene
from rayjobs_api.requests.forms import FilterSpec
from tests.support.pictures import array, picture, vips

FITS_ANY_SIZE = {"crop": {"left": 0, "top": 0, "width": 1, "height": 1}}
"""Parameters in place of the example's, of what is refused where it does not fit."""

NEUTRAL: list[tuple[str, dict[str, Any]]] = [
    ("affine", {"matrix": [1, 0, 0, 1]}),
    ("auto_orient", {}),
    ("blur", {"radius": 0}),
    ("border", {"width": 0}),
    ("box_blur", {"radius": 0}),
    ("brightness", {"factor": 1}),
    ("channel_mixer", {}),
    ("colorize", {"colour": "red", "opacity": 0}),
    ("composite", {"picture": "sample:a.png", "opacity": 0}),
    ("contrast", {"factor": 1}),
    ("crop_aspect", {"width": 4, "height": 3}),
    ("crop_to", {"width": 500, "height": 500}),
    ("curves", {}),
    ("dilate", {"size": 1}),
    ("duotone", {"shadows": "red", "highlights": "blue", "strength": 0}),
    ("erode", {"size": 1}),
    ("extend", {"width": 1, "height": 1}),
    ("extend_aspect", {"width": 4, "height": 3}),
    ("gamma", {"gamma": 1}),
    ("gradient", {"start": "transparent", "end": "#ff000000"}),
    ("hue", {"angle": 360}),
    ("levels", {}),
    ("median", {"size": 1}),
    ("modulate", {}),
    ("monochrome", {"colour": "red", "strength": 0}),
    ("noise", {"amount": 0}),
    ("opacity", {"factor": 1}),
    ("pad", {}),
    ("pixelate", {"size": 1}),
    ("posterize", {"bits": 8}),
    ("resize", {"width": 24, "height": 18}),
    ("resize", {"width": 16384, "fit": "inside"}),
    ("rotate", {"angle": 0}),
    ("rotate", {"angle": -360}),
    ("round_corners", {"radius": 0}),
    ("saturation", {"factor": 1}),
    ("sepia", {"strength": 0}),
    ("shadow", {"opacity": 0}),
    ("sharpen", {"factor": 1}),
    ("smart_crop", {"width": 500, "height": 500}),
    ("solarize", {"threshold": 256}),
    ("temperature", {"warmth": 0}),
    ("text", {"text": "unseen", "colour": "transparent"}),
    ("thumbnail", {"size": 16384}),
    ("tile", {}),
    ("tint", {"colour": "red", "strength": 0}),
    ("unsharp", {"percent": 0}),
    ("unsharp", {"radius": 0}),
    ("vignette", {"strength": 0}),
    ("watermark", {"picture": "sample:a.png", "opacity": 0}),
]

HAVE_NO_NEUTRAL = {
    *(
        "auto_levels",
        "canny",
        "channel",
        "clahe",
        "convolve",
        "crop",
        "edges",
        "emboss",
        "equalize",
        "flatten",
    ),
    *("flip", "grayscale", "negate", "redact", "sobel", "threshold", "trim"),
}
"""What always changes something, or depends on the picture."""

MODES = ("L", "LA", "RGB", "RGBA")
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
SIZES = [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3), (13, 9), (1, 300)]

GRAY_COMES_OUT = {"canny", "channel", "grayscale", "threshold"}
LEAVE_ALPHA_ALONE = [
    cls.title()
    for family in ("colour", "detail")
    for cls in FAMILIES[family]
    if cls.title() not in {"channel", "flatten", "opacity", "blur", "box_blur", "pixelate"}
]


def made(name: str, **parameters: Any) -> Filter:
    return CATALOGUE[name].model_validate({"name": name, **parameters})


def example(name: str) -> Filter:
    return CATALOGUE[name].model_validate(CATALOGUE[name].example())


def scene() -> Scene:
    """Return a scene whose second picture is small, with alpha."""
    return Scene(facts=lambda: {"format": "png"}, picture=lambda _: vips(picture(6, 5, "RGBA")))


def test_there_are_as_many_as_promised() -> None:
    assert sum(not issubclass(cls, Analysis) for cls in CATALOGUE.values()) >= 47


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_example_in_its_docstring_runs(name: str) -> None:
    assert CATALOGUE[name].example()["name"] == name
    image, stage = vips(picture(160, 120)), scene()
    result = example(name).run(image, stage)
    assert array(result).size
    if isinstance(example(name), Analysis):
        assert set(stage.findings) == {name}
        assert len(json.dumps(stage.findings)) < 4096
        assert np.array_equal(array(result), array(image))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_takes_pictures_of_any_bands_and_size(name: str, mode: str) -> None:
    filter_ = made(name, **FITS_ANY_SIZE[name]) if name in FITS_ANY_SIZE else example(name)
    for size in SIZES:
        image = vips(picture(*size, mode))
        before = array(image).copy()
        result = filter_.run(image, scene())
        assert result.format == "uchar", size
        assert result.interpretation == ("b-w" if result.bands <= 2 else "srgb"), size
        assert array(result).shape == (result.height, result.width, result.bands), size
        assert np.array_equal(array(image), before), size
        if name in GRAY_COMES_OUT:
            assert result.bands <= 2


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_same_call_gives_the_same_pixels(name: str) -> None:
    first, second = (array(example(name).run(vips(picture(160, 120)), scene())) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_filter_is_known_to_be_neutral_or_not() -> None:
    analyses = {name for name, cls in CATALOGUE.items() if issubclass(cls, Analysis)}
    assert {name for name, _ in NEUTRAL} | HAVE_NO_NEUTRAL | analyses == set(CATALOGUE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "parameters"), NEUTRAL)
def test_neutral_parameters_give_the_picture_back(name: str, parameters: dict[str, Any], mode: str) -> None:
    image = picture(24, 18, mode)
    assert np.array_equal(array(made(name, **parameters).run(vips(image), scene())), array(image))


@pytest.mark.parametrize("name", LEAVE_ALPHA_ALONE)
def test_colour_filters_leave_alpha_alone(name: str) -> None:
    image = picture(40, 30, "RGBA")
    result = array(example(name).run(vips(image), scene()))
    assert np.array_equal(result[..., -1], array(image)[..., -1])


@pytest.mark.parametrize(
    ("name", "parameters", "tolerance"),
    # Lanczos overshoots beside an edge, by 8 % of it, in Pillow too.
    [
        ("blur", {"radius": 2}, 4),
        ("box_blur", {"radius": 2}, 4),
        ("pixelate", {"size": 4}, 4),
        ("resize", {"width": 9, "height": 9}, 17),
        # A bicubic overshoots at the corners of an edge by more.
        ("rotate", {"angle": 30, "background": "transparent"}, 30),
    ],
)
def test_transparent_pixels_do_not_bleed_their_colour(
    name: str, parameters: dict[str, Any], tolerance: int
) -> None:
    values = np.zeros((18, 18, 4), dtype=np.uint8)
    values[:, :9] = (200, 100, 50, 255)
    values[:, 9:] = (0, 255, 0, 0)
    result = array(made(name, **parameters).run(vips(Image.fromarray(values)), scene()))
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
        ("rotate", {"angle": 361}),
        ("affine", {"matrix": [1, 0, 0]}),
        ("border", {"width": 2001}),
        ("border", {"width": 1, "colour": "nope"}),
        ("border", {"width": 1, "colour": "#12345"}),
        ("convolve", {"kernel": [[1, 2], [3, 4]]}),
        ("convolve", {"kernel": [[1, 2, 3], [3, 4, 5], [6, 7]]}),
        ("curves", {"all": [[0, 0], [0, 255]]}),
        ("curves", {"all": [[0, 0]]}),
        ("curves", {"all": [[0, 0], [255, 256]]}),
        ("levels", {"black": 100, "white": 100}),
        ("median", {"size": 4}),
        ("posterize", {"bits": 0}),
        ("redact", {"areas": []}),
        ("redact", {"areas": [{"left": 0, "top": 0, "width": 0, "height": 5}]}),
        ("text", {"text": ""}),
        ("text", {"text": "  \n "}),
        ("text", {"text": "a\x00b"}),
        ("text", {"text": "a", "font": "<b>"}),
        ("watermark", {"picture": "/etc/passwd"}),
        ("watermark", {"picture": "sample:../a.png"}),
        ("watermark", {"picture": "upload:../../x"}),
        ("phash", {"key": "a b"}),
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
    assert [entry["name"] for entry in describe()] == list(CATALOGUE)
    for entry in describe():
        assert entry["summary"].endswith((".", "`.")), entry
        for name, field in entry["schema"]["properties"].items():
            assert name == "name" or "description" in field, (entry["name"], name)
