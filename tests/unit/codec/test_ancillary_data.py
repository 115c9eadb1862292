"""Ancillary data: metadata by policy, profiles, frames; and the salvage of cut files."""

import io
from typing import Any

import numpy as np
import pillow_jxl  # noqa: F401 - with it Pillow, which the tests compare with, reads JPEG XL
import pytest
from PIL import Image
from PIL.Image import Exif

from rayjobs.codec import Encoding, Limits, Reading, joined, read_header
from rayjobs.engine.rendering import Rendered, render
from rayjobs.errors import EncodeFailedError, TruncatedError
from rayjobs.request.pipeline import parse_pipeline
from tests.support.heic import HEIC
from tests.support.pictures import decibels, file_of, frames_of, opened, picture, vips

TOLD = ["jpeg", "png", "webp", "avif", "jxl"]
COPYRIGHT, ARTIST, MAKE, ORIENTATION, GPS, PHOTO, NOTE = (
    0x8298,
    0x013B,
    0x010F,
    0x0112,
    0x8825,
    0x8769,
    0x927C,
)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6" exif:Model="M"/></x:xmpmeta>'


def run(data: bytes, *filters: dict[str, Any], reading: Reading | None = None, **output: Any) -> Rendered:
    return render(data, parse_pipeline(list(filters)), Encoding(**output), Limits(), reading=reading)


def camera_file(name: str = "JPEG", **options: Any) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION], exif[COPYRIGHT], exif[ARTIST], exif[MAKE] = 6, "(c) somebody", "an artist", "a maker"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (1.0, 2.0, 3.0)
    exif.get_ifd(PHOTO)[NOTE] = b"a note of where"
    return file_of(
        picture(48, 32), name, exif=exif.tobytes(), **({"xmp": XMP} if name == "JPEG" else {}), **options
    )


def exif_of(data: bytes) -> Exif:
    return opened(data).getexif()


@pytest.mark.parametrize("name", TOLD)
def test_no_metadata_is_written_by_default(name: Any) -> None:
    data = run(camera_file(), format=name).data
    for part in (b"somebody", b"a maker", b"a note", b"xmpmeta"):
        assert part not in data
    assert not exif_of(data).get_ifd(GPS)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_metadata_is_kept_except_the_orientation_which_is_applied(name: Any, source: str) -> None:
    rendered = run(camera_file(source), format=name, metadata="keep")
    exif = exif_of(rendered.data)
    assert (exif[COPYRIGHT].strip(), exif[MAKE].strip()) == ("(c) somebody", "a maker")
    assert exif.get_ifd(GPS)[1] == "N"
    assert exif.get(ORIENTATION, 1) == 1
    assert (rendered.output.width, rendered.output.height) == (32, 48)
    if source == "JPEG":
        assert b'tiff:Orientation="1"' in read_header(rendered.data, Limits()).metadata.xmp


@pytest.mark.parametrize("name", TOLD)
def test_the_place_alone_can_be_left_out(name: Any) -> None:
    data = run(camera_file(), format=name, metadata="strip_gps").data
    exif = exif_of(data)
    assert exif[MAKE].strip() == "a maker"
    assert not exif.get_ifd(GPS)
    assert b"a note" not in data


def test_xmp_with_the_place_is_left_out_too() -> None:
    data = file_of(picture(48, 32), "JPEG", xmp=XMP.replace(b"exif:Model", b"exif:GPSLatitude"))
    assert "xmp" not in opened(run(data, metadata="strip_gps").data).info
    assert "xmp" in opened(run(data, metadata="keep").data).info


@pytest.mark.parametrize("policy", ["strip", "strip_gps", "keep"])
def test_tags_of_the_storage_of_a_tiff_are_no_metadata(policy: str) -> None:
    data = run(camera_file("TIFF"), metadata=policy, keep_copyright=True).data
    assert not {0x0111, 0x0117, 0x0103} & set(exif_of(data))
    assert exif_of(data)[COPYRIGHT].strip() == "(c) somebody"


@pytest.mark.parametrize("name", TOLD)
def test_copyright_can_stay_alone(name: Any) -> None:
    data = run(camera_file(), format=name, keep_copyright=True).data
    exif = exif_of(data)
    assert (exif[COPYRIGHT].strip(), exif[ARTIST].strip()) == ("(c) somebody", "an artist")
    assert b"a maker" not in data
    assert not exif.get_ifd(GPS)


def test_orientation_is_kept_where_it_is_not_applied() -> None:
    data = run(camera_file(), {"name": "auto_orient", "enabled": False}, metadata="keep").data
    assert (exif_of(data)[ORIENTATION], opened(data).size) == (6, (48, 32))


def test_a_phones_exif_is_read_and_its_picture_not_turned_twice() -> None:
    data = run(HEIC["turned"], metadata="keep").data
    assert (exif_of(data)[COPYRIGHT].strip(), opened(data).size) == ("somebody", (48, 64))
    assert exif_of(data).get(ORIENTATION, 1) == 1


def test_an_embedded_thumbnail_never_stays() -> None:
    small = file_of(picture(16, 12), "JPEG")
    tiff = b"II*\0\x08\0\0\0" + b"\0\0" + (14).to_bytes(4, "little")
    ifd = b"\2\0" + b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little")
        for tag, value in ((0x0201, 44), (0x0202, len(small)))
    )
    data = file_of(picture(48, 32), "JPEG", exif=b"Exif\0\0" + tiff + ifd + b"\0\0\0\0" + small)
    assert small in data
    assert small not in run(data, metadata="keep").data


@pytest.mark.parametrize(
    "junk", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(60)]
)
def test_damaged_exif_loses_no_picture(junk: bytes) -> None:
    data = file_of(picture(48, 32), "JPEG", exif=junk)
    for metadata in ("strip", "keep", "strip_gps"):
        assert opened(run(data, metadata=metadata, keep_copyright=True).data).size == (48, 32)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff"])
def test_a_kept_profile_is_written(name: Any) -> None:
    wide = vips(picture(61, 47)).icc_transform("p3", input_profile="srgb")
    data = run(wide.pngsave_buffer(), reading=Reading(profile="keep"), format=name).data
    assert opened(data).info["icc_profile"] == wide.get("icc-profile-data")
    assert "icc_profile" not in opened(run(wide.pngsave_buffer(), format=name).data).info


@pytest.mark.parametrize("name", ["gif", "jxl"])
def test_colours_become_srgb_in_a_format_without_profiles(name: Any) -> None:
    wide = vips(picture(61, 47)).icc_transform("p3", input_profile="srgb").pngsave_buffer()
    kept, plain = (
        run(wide, reading=Reading(profile=profile), format=name).data for profile in ("keep", "srgb")
    )
    assert kept == plain


def test_a_colour_profile_is_not_written_to_a_picture_that_became_gray() -> None:
    wide = vips(picture(61, 47)).icc_transform("p3", input_profile="srgb").pngsave_buffer()
    data = run(wide, {"name": "grayscale"}, reading=Reading(profile="keep")).data
    assert "icc_profile" not in opened(data).info


def animation(name: str, frames: int = 4, **options: Any) -> bytes:
    first, *more = (picture(40, 30, seed=seed) for seed in range(frames))
    durations = [100 * (index + 1) for index in range(frames)]
    return file_of(first, name, save_all=True, append_images=more, duration=durations, **options)


@pytest.mark.parametrize("output", ["gif", "webp"])
@pytest.mark.parametrize("source", ["GIF", "WEBP"])
def test_an_animation_goes_through_the_pipeline_frame_by_frame(source: str, output: Any) -> None:
    resize = {"name": "resize", "width": 20, "height": 16}
    rendered = run(
        animation(source), resize, {"name": "flip", "direction": "horizontal"}, format=output, frames="all"
    )
    moving = Image.open(io.BytesIO(rendered.data))
    assert (frames_of(rendered.data), moving.size) == (4, (20, 16))
    assert (rendered.source.frames, rendered.output.frames, rendered.output.height) == (4, 4, 16)
    durations = []
    for index in range(4):
        moving.seek(index)
        moving.load()
        durations.append(moving.info["duration"])
        theirs = picture(40, 30, seed=index).resize((20, 16), Image.Resampling.LANCZOS)
        assert decibels(moving.convert("RGB"), theirs.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) >= 19
    assert durations == [100, 200, 300, 400]


def test_the_first_frame_is_taken_unless_all_are_asked_for() -> None:
    assert frames_of(run(animation("GIF"), format="webp").data) == 1
    rendered = run(animation("GIF"))
    assert (rendered.output.frames, rendered.output.format) == (None, "jpeg")


def test_frames_become_the_pages_of_a_tiff() -> None:
    pages = run(animation("GIF"), format="tiff", frames="all").data
    assert (frames_of(pages), opened(pages).size) == (4, (40, 30))


def test_a_long_animation_may_be_taller_than_a_picture_of_its_format() -> None:
    frames = [Image.new("RGB", (4, 200), (index, 0, 0)) for index in range(100)]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    rendered = run(data, format="webp", frames="all")
    assert (rendered.output.height, rendered.output.frames) == (200, 100)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "TIFF", "PPM"])
def test_the_rows_of_a_cut_file_are_salvaged(name: str) -> None:
    image = picture(400, 300)
    data = file_of(image, name, **({"interlace": 0} if name == "GIF" else {}))
    data = data[: len(data) * 2 // 3]
    with pytest.raises(TruncatedError):
        run(data, format="png")
    rendered = run(data, reading=Reading(on_truncated="salvage"), format="png")
    assert rendered.source.salvaged is True
    assert rendered.source.as_json()["salvaged"] is True
    box = (0, 0, 400, 130)
    assert decibels(opened(rendered.data).convert("RGB").crop(box), image.crop(box)) >= (
        20 if name == "GIF" else 30
    )


def test_a_whole_file_is_not_called_salvaged() -> None:
    rendered = run(file_of(picture(40, 30)), reading=Reading(on_truncated="salvage"))
    assert "salvaged" not in rendered.source.as_json()


@pytest.mark.parametrize("name", ["WEBP", "AVIF", "JPEG2000"])
def test_a_cut_file_without_rows_to_salvage_fails(name: str) -> None:
    data = file_of(picture(400, 300), name)
    with pytest.raises(TruncatedError):
        run(data[: len(data) // 2], reading=Reading(on_truncated="salvage"))


def test_the_output_has_the_quality_where_the_format_has_one() -> None:
    data = file_of(picture(60, 40))
    assert run(data).output.as_json()["quality"] == 85
    assert "quality" not in run(data, format="png").output.as_json()


def test_the_extension_of_auto_is_that_of_the_format_chosen() -> None:
    assert run(file_of(picture(60, 40)), format="auto").extension == "jpg"
    assert run(file_of(Image.fromarray(np.zeros((90, 90), np.uint8))), format="auto").extension == "png"


def test_frames_of_several_sizes_are_an_error() -> None:
    frames = [vips(picture(9, 9)), vips(picture(9, 8))]
    with pytest.raises(EncodeFailedError, match="different sizes"):
        joined(frames, read_header(animation("GIF"), Limits()))


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF", "JXL"])
@pytest.mark.parametrize("output", ["jpeg", "png", "webp", "jxl"])
@pytest.mark.parametrize("policy", ["strip", "strip_gps"])
def test_no_reader_lets_the_place_past_the_policy(source: str, output: str, policy: str) -> None:
    exif = Image.Exif()
    exif[0x8298] = "(c) somebody"
    exif.get_ifd(0x8825)[1] = "N"
    data = file_of(picture(32, 24), source, exif=exif.tobytes())
    result = opened(run(data, format=output, metadata=policy, keep_copyright=True).data).getexif()
    assert (result[0x8298], dict(result.get_ifd(0x8825))) == ("(c) somebody", {})
    assert 0x8825 not in result


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("policy", ["strip", "keep"])
def test_a_tiff_of_upright_pixels_has_orientation_1(source: str, policy: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rendered = run(file_of(picture(32, 24), source, exif=exif), format="tiff", metadata=policy)
    result = opened(rendered.data)
    assert (result.size, result.getexif().get(0x0112, 1)) == ((24, 32), 1)
