"""The encoders of every format, and their errors."""

import io
from typing import Any, get_args

import pytest
import pyvips
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from pydantic import ValidationError

from rayjobs.codec import FORMATS, Encoding, Limits, decode, describe_formats, encode, read_header, writing
from rayjobs.codec.formats import OutputFormat, recognise
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import has_alpha
from tests.support.pictures import array, decibels, opened, picture, tiny, vips

WRITABLE = get_args(OutputFormat)


def read(data: bytes) -> pyvips.Image:
    return decode(data, read_header(data, Limits()), None, streamed=False)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("name", WRITABLE)
def test_every_kind_of_picture_is_written(name: Any, mode: str) -> None:
    written = encode(vips(picture(61, 47, mode)), Encoding(format=name))
    assert (recognise(written.data).name, written.format) == (name, name)
    pixels = read(written.data)
    assert (pixels.width, pixels.height) == (61, 47)
    if name != "gif":
        white = Image.new("RGBA", (61, 47), "white")
        flat = Image.alpha_composite(white, picture(61, 47, mode).convert("RGBA")).convert("RGB")
        seen = pixels.flatten(background=[255.0] * (pixels.bands - 1)) if has_alpha(pixels) else pixels
        assert decibels(seen.colourspace("srgb"), flat) >= 25


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_png_is_lossless(mode: str) -> None:
    image = picture(61, 47, mode)
    assert decibels(opened(encode(vips(image), Encoding(format="png")).data), image) == 99


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_jpeg_flattens_alpha_on_white(mode: str) -> None:
    image = picture(64, 64, mode)
    image.putalpha(0)
    assert array(opened(encode(vips(image), Encoding(quality=100)).data)).min() >= 254


def test_gray_becomes_a_gray_jpeg() -> None:
    assert opened(encode(vips(picture(61, 47, "L")), Encoding()).data).mode == "L"


def test_quality_determines_size_and_similarity() -> None:
    image = picture(200, 150)
    files = [encode(vips(image), Encoding(quality=quality)).data for quality in (20, 60, 95)]
    assert [len(data) for data in files] == sorted(len(data) for data in files)
    likeness = [decibels(opened(data), image) for data in files]
    assert likeness == sorted(likeness)


def test_whole_colour_is_kept_on_demand() -> None:
    half = JpegImageFile(io.BytesIO(encode(vips(picture()), Encoding()).data))
    assert half.layer[0][1:3] == (2, 2)
    whole = JpegImageFile(io.BytesIO(encode(vips(picture()), Encoding(chroma="444")).data))
    assert whole.layer[0][1:3] == (1, 1)


def test_a_side_too_long_for_webp_is_an_error_with_the_limit() -> None:
    with pytest.raises(EncodeFailedError) as caught:
        encode(tiny([[0] * 16384]), Encoding(format="webp"))
    assert (caught.value.limit, caught.value.actual) == (16383, 16384)


@pytest.mark.parametrize(
    "parameters", [{"format": "heic"}, {"quality": 0}, {"quality": 101}, {"quality": 85.5}, {"speed": 1}]
)
def test_other_options_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Encoding.model_validate(parameters)


def test_formats_are_described_as_they_are() -> None:
    assert [entry["name"] for entry in describe_formats()] == list(FORMATS)
    assert {entry["name"] for entry in describe_formats() if entry["writes"]} == set(WRITABLE)
    schema = Encoding.model_json_schema()
    assert set(schema["properties"]["format"]["enum"]) == {*WRITABLE, "auto"}
    assert (Encoding().extension, Encoding(format="auto").extension) == ("jpg", "auto")


def test_each_option_belongs_to_a_format() -> None:
    options = {option for each in FORMATS.values() for option in each.options or ()}
    assert options == set(Encoding.model_fields) - {"format"}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("effort", [0, 4])
def test_a_webp_has_the_same_bytes_whichever_library_writes_it(
    mode: str, effort: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, encoding = vips(picture(61, 47, mode)), Encoding(format="webp", quality=80, effort=effort)
    small = encode(image, encoding).data
    monkeypatch.setattr(writing, "PASSED_PIXELS", 0)
    assert small == encode(image, encoding).data


@pytest.mark.parametrize("quality", [85, 95])
@pytest.mark.parametrize("chroma", ["420", "444"])
def test_a_jpeg_is_as_exact_as_libjpeg_can_write_it(chroma: Any, quality: int) -> None:
    image = picture(256, 192)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling={"420": 2, "444": 0}[chroma])
    ours = opened(encode(vips(image), Encoding(quality=quality, chroma=chroma)).data)
    assert decibels(vips(ours), image) >= decibels(vips(opened(file.getvalue())), image) - 0.01
