"""JPEG XL of other encoders: boxes of metadata, parts, other colours, files made from a JPEG."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rayjobs.codec import Encoding, Limits, Reading, encode, read_header
from rayjobs.engine.rendering import Rendered, render
from rayjobs.errors import DecodeFailedError, SourceTooLargeError, TruncatedError
from rayjobs.request.pipeline import parse_pipeline
from tests.support.jxl import boxed, in_display_p3, of_jpeg
from tests.support.pictures import array, decibels, opened, picture, vips

TIFF = b"II*\0\x08\0\0\0\1\0\x98\x82\2\0\4\0\0\0(c)\0\0\0\0\0"
PLAIN = encode(vips(picture(64, 48)), Encoding(format="jxl", lossless=True)).data
XMP = b"<x:xmpmeta/>"


def run(data: bytes, reading: Reading | None = None, **output: object) -> Rendered:
    encoding = Encoding.model_validate({"format": "png"} | output)
    return render(data, parse_pipeline([]), encoding, Limits(), reading=reading)


@pytest.mark.parametrize("before", [bytes(4), b"", b"\0\0\0\6Exif\0\0"])
def test_exif_and_xmp_are_read_from_their_boxes(before: bytes) -> None:
    data = boxed(PLAIN, (b"Exif", before + TIFF), (b"xml ", XMP))
    metadata = read_header(data, Limits()).metadata
    assert (metadata.exif, metadata.xmp) == (TIFF, XMP)
    assert opened(run(data, metadata="keep").data).getexif()[0x8298] == "(c)"
    assert np.array_equal(array(opened(run(data).data)), array(picture(64, 48)))


def test_metadata_behind_the_picture_is_read_too() -> None:
    data = boxed(PLAIN) + (12 + len(TIFF)).to_bytes(4, "big") + b"Exif" + bytes(4) + TIFF
    assert read_header(data, Limits()).metadata.exif == TIFF


def test_compressed_metadata_is_left_out() -> None:
    data = boxed(PLAIN, (b"brob", b"Exif" + b"\x1b\x51\0\0\x84"))
    assert read_header(data, Limits()).metadata.size == 0
    assert run(data).output.sha256 == run(PLAIN).output.sha256


@pytest.mark.parametrize("kind", [b"Exif", b"xml ", b"brob"])
def test_metadata_beyond_the_limit_is_refused(kind: bytes) -> None:
    data = boxed(PLAIN, (kind, bytes(2000)))
    with pytest.raises(SourceTooLargeError, match="RAYJOBS_MAX_METADATA_BYTES"):
        read_header(data, replace(Limits(), max_metadata_bytes=1000))


@pytest.mark.parametrize("first", [3, 7])
def test_the_size_is_read_from_as_many_parts_as_it_takes(first: int) -> None:
    data = boxed(
        PLAIN[:0],
        (b"jxlp", bytes(4) + PLAIN[:first]),
        (b"Exif", TIFF),
        (b"jxlp", b"\x80\0\0\1" + PLAIN[first:]),
    )
    assert read_header(data, Limits()).size == (64, 48)
    assert run(data).output.sha256 == run(PLAIN).output.sha256


def test_boxes_without_a_codestream_are_no_picture() -> None:
    with pytest.raises(DecodeFailedError, match="no codestream"):
        read_header(boxed(b"")[:-8], Limits())


def test_a_codestream_that_ends_in_its_size_is_cut() -> None:
    with pytest.raises(TruncatedError):
        read_header(boxed(PLAIN[:3]), Limits())


def test_wide_colours_become_srgb_or_are_kept_with_their_profile() -> None:
    image = Image.new("RGB", (64, 48), (200, 90, 60))
    data = in_display_p3(image)
    kept = opened(run(data, Reading(profile="keep")).data)
    assert b"D\0i\0s\0p\0l\0a\0y\0P\0003" in kept.info["icc_profile"]
    assert kept.getpixel((9, 9)) == (200, 90, 60)
    plain = opened(run(data).data)
    assert "icc_profile" not in plain.info
    # Computed with the matrix from Display P3 to sRGB of CSS Color 4, section 10.2.
    assert np.abs(array(plain)[9, 9].astype(int) - (216, 81, 49)).max() <= 1


def test_a_file_made_from_a_jpeg_is_turned_upright_with_its_profile() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = vips(picture(64, 48)).icc_transform("p3", input_profile="srgb")
    data = of_jpeg(
        opened(wide.pngsave_buffer()), exif=exif, icc_profile=wide.get("icc-profile-data"), quality=95
    )
    assert read_header(data, Limits()).size == (48, 64)
    result = opened(run(data).data)
    assert decibels(result, picture(64, 48).transpose(Image.Transpose.ROTATE_270)) >= 30
