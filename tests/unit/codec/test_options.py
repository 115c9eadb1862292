"""Options of encodings: each belongs to a format, has bounds, and has its effect."""

import json
from typing import Any, get_args

import numpy as np
import pytest
import pyvips
from PIL import Image
from pydantic import ValidationError

from rayjobs.codec import FORMATS, Encoding, Limits, decode, encode, read_header
from rayjobs.codec.formats import OutputFormat
from rayjobs.codec.search import highest, lowest
from rayjobs.codec.similarity import ssim
from rayjobs.errors import EncodeFailedError, InvalidRequestError
from rayjobs.request.spec import parse_form
from rayjobs.request.variants import Output
from tests.support.pictures import array, decibels, opened, picture, vips

WRITABLE = get_args(OutputFormat)

IMAGE = vips(picture(320, 240))


def written(image: pyvips.Image = IMAGE, **options: Any) -> bytes:
    return encode(image, Encoding(**options)).data


def read(data: bytes) -> pyvips.Image:
    return decode(data, read_header(data, Limits()), None, streamed=False)


@pytest.mark.parametrize("name", WRITABLE)
def test_an_option_of_another_format_is_a_problem_that_names_those_it_has(name: Any) -> None:
    values: dict[str, Any] = {
        "quality": 50, "lossless": True, "effort": 3, "chroma": "444", "progressive": True,
        "optimise": "tables", "compression": 3, "palette": 16, "dither": 0.5, "packing": "lzw",
        "frames": "all", "max_bytes": 9000, "target_ssim": 0.9, "metadata": "keep", "keep_copyright": True,
    }  # fmt: skip
    assert set(values) == set(Encoding.model_fields) - {"format"}
    for option, value in values.items():
        if option in FORMATS[name].options:
            assert Encoding(format=name, **{option: value}).option(option) == value
            continue
        with pytest.raises(InvalidRequestError) as caught:
            parse_form(Output, {"format": name, option: value}, "/output")
        [problem] = caught.value.problems
        assert (problem.pointer, problem.code) == (f"/output/{option}", "not_allowed")
        assert next(iter(sorted(FORMATS[name].options))) in problem.detail


@pytest.mark.parametrize(
    ("name", "efforts"), [("webp", (0, 6)), ("avif", (0, 9)), ("jxl", (1, 9)), ("gif", (1, 10))]
)
def test_effort_has_each_formats_own_bounds(name: Any, efforts: tuple[int, int]) -> None:
    for effort in efforts:
        assert written(vips(picture(24, 16)), format=name, effort=effort)
    for effort in {efforts[0] - 1, efforts[1] + 1} & set(range(11)):
        with pytest.raises(InvalidRequestError) as caught:
            parse_form(Output, {"format": name, "effort": effort}, "/output")
        [problem] = caught.value.problems
        assert (problem.pointer, problem.code) == ("/output/effort", "out_of_bounds")
        assert f"{efforts[0]} to {efforts[1]}" in problem.detail


def test_an_encoding_read_from_the_record_is_the_same() -> None:
    for name in (*WRITABLE, "auto"):
        output = Output.model_validate({"format": name})
        assert Output.model_validate(json.loads(json.dumps(output.model_dump(mode="json")))) == output


def test_no_option_is_asked_for_by_default() -> None:
    for name in WRITABLE:
        assert Encoding.model_validate({"format": name}).option("quality") == FORMATS[name].options.get(
            "quality"
        )


@pytest.mark.parametrize("optimise", ["tables", "trellis"])
def test_an_optimised_jpeg_is_smaller(optimise: Any) -> None:
    plain, small = written(), written(optimise=optimise)
    assert len(small) < len(plain)
    assert decibels(opened(small), opened(plain)) >= (44 if optimise == "tables" else 38)


def test_a_progressive_jpeg_or_png_or_gif_says_so() -> None:
    assert opened(written(progressive=True)).info["progressive"]
    assert written(format="png", progressive=True)[28] == 1  # of IHDR, the interlace method
    assert written(format="gif", progressive=True) != written(format="gif")


@pytest.mark.parametrize("palette", [2, 4, 16, 256])
@pytest.mark.parametrize("name", ["png", "gif"])
def test_a_palette_has_no_more_colours_than_asked_for(name: Any, palette: Any) -> None:
    image = opened(written(format=name, palette=palette)).convert("RGB")
    assert len(np.unique(array(image).reshape(-1, 3), axis=0)) <= palette


def test_without_dither_a_palette_makes_plain_areas() -> None:
    assert len(written(format="png", palette=16, dither=0.0)) < len(written(format="png", palette=16))


@pytest.mark.parametrize("name", ["webp", "avif", "jxl"])
def test_lossless_is_lossless(name: Any) -> None:
    file = encode(IMAGE, Encoding(format=name, lossless=True))
    assert decibels(read(file.data), IMAGE) >= 50
    assert file.quality is None


@pytest.mark.parametrize("packing", ["none", "lzw", "deflate"])
def test_a_tiff_is_lossless_however_it_is_packed(packing: Any) -> None:
    data = written(format="tiff", packing=packing)
    assert decibels(read(data), IMAGE) == 99
    kinds = {"none": "raw", "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate"}
    assert opened(data).info["compression"] == kinds[packing]


def test_whole_colour_is_nearer_in_avif_too() -> None:
    red = Image.new("RGB", (64, 64), "white")
    red.paste("red", (20, 0, 21, 64))
    whole, halved = (
        decibels(read(written(vips(red), format="avif", chroma=chroma)), red) for chroma in ("444", "420")
    )
    assert whole > halved + 3


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "jxl", "auto"])
def test_a_file_keeps_its_largest_size_at_the_best_quality_that_fits(name: Any) -> None:
    image = vips(picture(160, 120))
    whole = encode(image, Encoding(format=name))
    limit = len(whole.data) * 2 // 3
    file = encode(image, Encoding(format=name, max_bytes=limit))
    assert len(file.data) <= limit
    assert file.quality is not None
    assert whole.quality is not None
    assert file.quality < whole.quality
    if name != "auto":
        better = encode(image, Encoding(format=name, quality=file.quality + 1))
        assert len(better.data) > limit


def test_a_size_that_no_quality_gives_fails_with_the_smallest() -> None:
    with pytest.raises(EncodeFailedError, match="at most 200 bytes") as caught:
        written(max_bytes=200)
    assert caught.value.limit == 200
    assert int(caught.value.actual or 0) > 200


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "jxl"])
def test_the_lowest_quality_with_the_wanted_similarity_is_found(name: Any) -> None:
    image = vips(picture(160, 120))
    file = encode(image, Encoding(format=name, target_ssim=0.95, quality=95))
    assert ssim(read(file.data), image) >= 0.95
    assert file.quality is not None
    worse = encode(image, Encoding(format=name, quality=file.quality - 1))
    assert ssim(read(worse.data), image) < 0.95


def test_a_similarity_out_of_reach_gives_the_highest_quality_allowed() -> None:
    assert encode(IMAGE, Encoding(target_ssim=0.9999, quality=60)).quality == 60


def test_lossless_and_a_search_exclude_each_other() -> None:
    for search in ({"max_bytes": 9000}, {"target_ssim": 0.9}):
        with pytest.raises(ValidationError, match="one size"):
            Encoding.model_validate({"format": "webp", "lossless": True, **search})


@pytest.mark.parametrize("least", range(1, 101, 9))
def test_a_search_is_exact_and_takes_eight_tries_at_most(least: int) -> None:
    tried: set[int] = set()

    def is_enough(quality: int) -> bool:
        tried.add(quality)
        return quality >= least

    assert lowest(100, is_enough) == least
    assert highest(100, lambda quality: not is_enough(quality)) == (least - 1 or None)
    tried.clear()
    lowest(100, is_enough)
    assert len(tried) <= 8


def test_auto_writes_photographs_as_jpeg_drawings_as_png_and_alpha_as_webp() -> None:
    drawing = Image.new("RGB", (300, 200), "white")
    drawing.paste("navy", (20, 20, 120, 180))
    opaque = picture(300, 200)
    opaque.putalpha(255)
    assert encode(IMAGE, Encoding(format="auto")).format == "jpeg"
    assert encode(vips(drawing), Encoding(format="auto")).format == "png"
    assert encode(vips(picture(300, 200, "RGBA")), Encoding(format="auto")).format == "webp"
    assert encode(vips(opaque), Encoding(format="auto")).format == "jpeg"


def test_similarity_is_one_for_equals_and_falls_with_quality() -> None:
    assert ssim(IMAGE, IMAGE) == 1
    by_quality = [ssim(read(written(quality=quality)), IMAGE) for quality in (10, 40, 90)]
    assert by_quality == sorted(by_quality)
    assert by_quality[0] < 0.9 < by_quality[2]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (8, 8), (9, 17)])
def test_the_similarity_of_the_smallest_pictures_has_a_value(size: tuple[int, int]) -> None:
    image = vips(picture(*size, "RGBA"))
    assert ssim(image, image) == pytest.approx(1)
