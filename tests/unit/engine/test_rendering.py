"""One picture through the whole engine."""

import hashlib
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import Rendered, engine_versions, render, second_picture
from rayjobs.errors import (
    EncodeFailedError,
    FilterFailedError,
    SourceTooLargeError,
    TooManyPixelsError,
    TruncatedError,
    UnsupportedFormatError,
)
from rayjobs.filters import CATALOGUE
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import array, decibels, file_of, opened, picture

PNG = Encoding(format="png")


def run(data: bytes, *filters: dict[str, Any], encoding: Encoding = PNG) -> Rendered:
    mark = second_picture(file_of(picture(30, 20, "RGBA")), Limits())
    return render(data, parse_pipeline(list(filters)), encoding, Limits(), lambda _: mark)


def oriented(orientation: int, name: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = "somebody"
    options = {"quality": 95} if name == "JPEG" else {}
    return file_of(picture(48, 32), name, exif=exif, **options)


def test_the_files_are_described_with_their_hashes() -> None:
    data = file_of(picture(60, 40), "WEBP")
    rendered = run(data, {"name": "thumbnail", "size": 30})
    source, output = rendered.source, rendered.output
    assert (source.width, source.height, source.format, source.bytes) == (60, 40, "webp", len(data))
    assert (output.width, output.height, output.format, output.bytes) == (30, 20, "png", len(rendered.data))
    assert source.sha256 == hashlib.sha256(data).hexdigest()
    assert output.sha256 == hashlib.sha256(rendered.data).hexdigest()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(orientation: int, name: str) -> None:
    data = oriented(orientation, name)
    rendered = run(data)
    upright = ImageOps.exif_transpose(opened(data)).convert("RGB")
    assert opened(rendered.data).size == upright.size
    assert decibels(opened(rendered.data), upright) >= 40
    assert (rendered.source.width, rendered.source.height) == (48, 32)


def test_orientation_may_be_switched_off() -> None:
    assert opened(run(oriented(6), {"name": "auto_orient", "enabled": False}).data).size == (48, 32)


def test_a_sideways_picture_is_shrunk_by_its_upright_sides() -> None:
    data = oriented(6)
    assert opened(run(data, {"name": "resize", "width": 4, "height": 6}).data).size == (4, 6)
    upright = ImageOps.exif_transpose(opened(data))
    theirs = upright.resize((8, 12), Image.Resampling.LANCZOS)
    assert decibels(opened(run(data, {"name": "resize", "width": 8, "height": 12}).data), theirs) >= 40


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    assert opened(run(oriented(orientation)).data).size == (48, 32)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_no_metadata_is_written(name: Any) -> None:
    source = opened(oriented(3))
    data = file_of(source, "JPEG", exif=source.getexif(), icc_profile=b"\0" * 200, comment="here")
    result = opened(run(data, encoding=Encoding(format=name)).data)
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(result.info)
    assert not result.getexif()


def test_the_filters_work_in_their_order() -> None:
    data = file_of(picture(60, 40))
    crop = {"name": "crop", "left": 0, "top": 0, "width": 60, "height": 20}
    turn = {"name": "rotate", "angle": 90}
    assert opened(run(data, crop, turn).data).size == (20, 60)
    with pytest.raises(FilterFailedError, match="crop") as caught:
        run(data, turn, crop)
    assert (caught.value.limit, caught.value.actual) == (40, 60)


def test_the_same_call_gives_the_same_bytes() -> None:
    data = file_of(picture(200, 150), "JPEG")
    raw = {"name": "thumbnail", "size": 90}, {"name": "sharpen", "factor": 1.5}
    assert run(data, *raw) == run(data, *raw)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnsupportedFormatError),
        (b"plain words", UnsupportedFormatError),
        (file_of(picture(200, 150), "JPEG")[:3000], TruncatedError),
        (file_of(picture(400, 300, "L")), TooManyPixelsError),
        (file_of(picture(200, 150), "BMP") + b"\0" * 300_000, SourceTooLargeError),
    ],
)
def test_faults_of_the_source_have_their_codes(data: bytes, error: type[Exception]) -> None:
    limits = Limits(max_pixels=100_000, max_source_bytes=300_000)
    with pytest.raises(error):
        render(data, parse_pipeline([]), Encoding(), limits)


def test_a_picture_that_the_format_can_not_hold_fails_to_encode() -> None:
    data = file_of(Image.new("L", (1, 1)))
    with pytest.raises(EncodeFailedError, match="16383"):
        run(data, {"name": "resize", "width": 16384, "height": 1}, encoding=Encoding(format="webp"))


def hold_no_more_than(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small pictures take the way that else only those above 64 megapixels take."""
    for name, module in sys.modules.items():
        if name.startswith("rayjobs.") and hasattr(module, "HELD_PIXELS"):
            monkeypatch.setattr(module, "HELD_PIXELS", pixels)


CHAINS = [
    [],
    [{"name": "thumbnail", "size": 100}],
    [{"name": "resize", "width": 150, "height": 150, "fit": "cover"}],
    [{"name": "crop", "left": 10, "top": 90, "width": 100, "height": 40}],
    [{"name": "blur", "radius": 3}, {"name": "sharpen", "factor": 2}, {"name": "edges"}],
    [{"name": "sharpen", "factor": 2}, {"name": "grayscale"}],
    [{"name": "edges"}, {"name": "rotate", "angle": 90}],
    [{"name": "rotate", "angle": 90}, {"name": "blur", "radius": 3}],
    [{"name": "brightness", "factor": 1.2}, {"name": "contrast", "factor": 1.2}],
]


def streams_alike(
    name: str, raw: list[dict[str, Any]], floor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = file_of(picture(300, 200), name)
    whole = opened(run(data, *raw).data)
    hold_no_more_than(1000, monkeypatch)
    streamed = opened(run(data, *raw).data)
    assert streamed.size == whole.size
    assert decibels(streamed, whole) >= floor


@pytest.mark.parametrize("raw", CHAINS)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_streamed_picture_becomes_the_same(
    name: str, raw: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    streams_alike(name, raw, 45 if name == "JPEG" else 99, monkeypatch)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_streamed_picture_is_filtered_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = CATALOGUE[name].example()
    # The second picture is enlarged, in memory by Lanczos, else by a bicubic.
    floor = 50 if name in {"watermark", "composite"} else 99
    streams_alike("PNG", [example], floor, monkeypatch)


def test_a_cut_file_is_told_when_it_is_streamed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_no_more_than(1000, monkeypatch)
    for name in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = file_of(picture(300, 200), name)
        with pytest.raises(TruncatedError):
            run(data[: len(data) // 2], {"name": "edges"}, encoding=Encoding())


def test_versions_name_each_library_that_makes_pixels() -> None:
    assert set(engine_versions()) == {
        "libvips",
        "pyvips",
        "simplejpeg",
        "pillow",
        "pi-heif",
        "pillow-jxl-plugin",
    }


def test_a_picture_of_one_pixel_goes_through_everything() -> None:
    data = file_of(Image.fromarray(np.full((1, 1, 3), 90, dtype=np.uint8)))
    names = ["grayscale", "edges"]
    chain = [{"name": name} for name in names] + [
        {"name": "blur", "radius": 5},
        {"name": "sharpen", "factor": 3},
    ]
    assert array(opened(run(data, *chain).data)).tolist() == [[[90]]]


def test_what_a_file_says_of_itself_is_found_on_demand() -> None:
    rendered = run(oriented(6), {"name": "thumbnail", "size": 12}, {"name": "info"})
    info: Any = rendered.analysis["info"]
    assert (info["format"], info["width"], info["height"], info["orientation"]) == ("jpeg", 48, 32, 6)
    assert info["exif"]["Artist"] == "somebody"
    assert info["filtered"] == {"width": 8, "height": 12, "bands": 3}


def test_a_picture_looks_the_same_to_an_analysis_in_any_lossless_format() -> None:
    image = picture(50, 40)
    found = {
        run(file_of(image, name), {"name": "content_hash"}).analysis["content_hash"]
        for name in ("PNG", "TIFF", "BMP")
    }
    assert len(found) == 1


def test_a_second_picture_is_upright_and_keeps_the_limits() -> None:
    mark = second_picture(oriented(6), Limits())
    assert (mark.width, mark.height) == (32, 48)
    with pytest.raises(TooManyPixelsError):
        second_picture(oriented(6), Limits(max_pixels=1000))


def test_without_second_pictures_a_filter_that_needs_one_fails_alone() -> None:
    pipeline = parse_pipeline([{"name": "watermark", "picture": "sample:a.png"}])
    with pytest.raises(FilterFailedError, match=r"sample:a\.png"):
        render(file_of(picture(9, 9)), pipeline, PNG, Limits())
