"""The pixels of every file become uint8 in sRGB or gray."""

import gc
import struct
import time
import zlib

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from rayjobs.codec import Limits, decode, decoding, read_header
from rayjobs.codec.jpeg import divisor
from rayjobs.errors import (
    DecodeFailedError,
    SourceTooLargeError,
    TooManyFramesError,
    TooManyPixelsError,
    UnsupportedFormatError,
)
from tests.support.pictures import array, decibels, file_of, opened, picture, vips

LOSSY = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}


def read(data: bytes, wanted: tuple[int, int] | None = None) -> pyvips.Image:
    return decode(data, read_header(data, Limits()), wanted, streamed=True)


def huge_png(width: int, height: int) -> bytes:
    """Return a PNG that declares a size and contains almost no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0" * 100)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_every_format_is_read(name: str) -> None:
    image = picture(61, 47)
    header = read_header(file_of(image, name, **LOSSY.get(name, {})), Limits())
    pixels = read(file_of(image, name, **LOSSY.get(name, {})))
    assert (header.format.name, header.size, header.orientation) == (name.lower(), (61, 47), 1)
    assert (pixels.format, pixels.bands, pixels.interpretation) == ("uchar", 3, "srgb")
    assert decibels(pixels, image) >= {"GIF": 25, "JPEG": 35, "WEBP": 30}.get(name, 99)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "BMP"])
def test_gray_stays_one_band(name: str) -> None:
    pixels = read(file_of(picture(61, 47, "L"), name))
    assert (pixels.bands, pixels.interpretation) == (1, "b-w")


@pytest.mark.parametrize(
    ("name", "mode", "bands"), [("PNG", "LA", 2), ("PNG", "RGBA", 4), ("TIFF", "RGBA", 4)]
)
def test_alpha_is_the_last_band(name: str, mode: str, bands: int) -> None:
    image = picture(61, 47, mode)
    pixels = read(file_of(image, name))
    assert pixels.bands == bands
    assert np.array_equal(array(pixels), array(image))


@pytest.mark.parametrize("mode", ["P", "1"])
@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP", "GIF"])
def test_palettes_and_bits_become_colours(name: str, mode: str) -> None:
    image = picture(61, 47).convert(mode)
    pixels = read(file_of(image, name))
    plain = image.convert("RGB" if pixels.bands == 3 else "L")
    assert decibels(pixels, plain) == 99


def test_a_palette_with_transparency_gets_alpha() -> None:
    image = picture(61, 47).quantize(16)
    pixels = read(file_of(image, "PNG", transparency=3))
    assert pixels.bands == 4
    assert set(np.unique(array(pixels)[..., 3])) == {0, 255}


def test_16_bits_become_8() -> None:
    wide = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    pixels = read(file_of(Image.fromarray(wide), "PNG"))
    assert pixels.format == "uchar"
    assert np.abs(array(pixels)[..., 0].astype(int) - (wide >> 8)).max() <= 1


def test_cmyk_becomes_rgb() -> None:
    pixels = read(file_of(picture(61, 47).convert("CMYK"), "JPEG", quality=95))
    assert (pixels.bands, pixels.interpretation) == (3, "srgb")
    assert (
        decibels(pixels, picture(61, 47)) >= 14
    )  # through a printing profile: colours are duller, not inverted


def test_a_profile_other_than_srgb_is_applied() -> None:
    image = picture(61, 47)
    wide = vips(image).icc_transform("p3", input_profile="srgb")
    for data in (wide.pngsave_buffer(), wide.jpegsave_buffer(Q=98, subsample_mode="off")):
        assert decibels(read(data), image) >= 36
        assert decibels(opened(data).convert("RGB"), image) < 36


def test_srgb_by_name_is_not_transformed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = picture(61, 47)
    assert decibels(read(file_of(image, "PNG", icc_profile=profile)), image) == 99


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_broken_profile_loses_no_picture(name: str) -> None:
    image = picture(61, 47)
    assert decibels(read(file_of(image, name, icc_profile=b"junk" * 40)), image) >= 30


@pytest.mark.parametrize(
    ("size", "wanted", "by"),
    [
        ((4000, 3000), None, 1),
        ((4000, 3000), (512, 384), 4),
        ((4000, 3000), (2048, 2048), 1),
        ((4000, 3000), (1052, 789), 2),
        ((4000, 3000), (1053, 790), 1),
        ((4000, 3000), (100, 75), 8),
        ((1922, 1280), (100, 67), 2),
        ((1924, 1280), (100, 67), 4),
        ((100, 100), (200, 200), 1),
    ],
)
def test_jpeg_is_decoded_well_above_the_wanted_size(
    size: tuple[int, int], wanted: tuple[int, int] | None, by: int
) -> None:
    assert divisor(size, wanted) == by
    if wanted:
        assert by == 1 or all(side / by >= 1.9 * least for side, least in zip(size, wanted, strict=True))


@pytest.mark.parametrize("size", [(801, 607), (800, 600), (17, 801)])
def test_a_scaled_decode_has_the_rounded_size(size: tuple[int, int]) -> None:
    wanted = size[0] // 8, size[1] // 8
    by = divisor(size, wanted) if min(wanted) else 1
    pixels = read(file_of(picture(*size), "JPEG"), wanted if min(wanted) else None)
    assert (pixels.width, pixels.height) == (round(size[0] / by), round(size[1] / by))


@pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xda", b"\xff\xd9"])
def test_padding_between_segments_loses_no_picture(marker: bytes) -> None:
    image = picture(61, 47)
    data = file_of(image, "JPEG", quality=95)
    at = data.rindex(marker)
    padded = data[:at] + b"\0\0\0" + data[at:]
    assert decibels(read(padded), read(data)) == 99


@pytest.mark.parametrize(
    "data", [b"", b"a text named .jpg\n", b"\xff", b"<svg/>", b"%PDF-1.7", b"RIFF....WAVE"]
)
def test_a_file_that_is_no_picture_is_refused_by_its_first_bytes(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError) as caught:
        read_header(data, Limits())
    assert "jpeg" in str(caught.value.limit)


def test_too_many_pixels_are_refused_from_the_header_at_once() -> None:
    data = huge_png(65535, 65535)
    started_s = time.process_time()
    with pytest.raises(TooManyPixelsError, match="RAYJOBS_MAX_PIXELS") as caught:
        read_header(data, Limits())
    assert time.process_time() - started_s < 0.1
    assert (caught.value.limit, caught.value.actual) == (250_000_000, 65535**2)


def test_a_small_limit_is_kept_to_the_pixel() -> None:
    data = file_of(picture(20, 10))
    read_header(data, Limits(max_pixels=200))
    with pytest.raises(TooManyPixelsError):
        read_header(data, Limits(max_pixels=199))


@pytest.mark.parametrize("name", ["GIF", "WEBP", "TIFF"])
def test_frames_count_and_the_first_is_read(name: str) -> None:
    first, *more = (picture(40, 30, seed=seed) for seed in range(4))
    data = file_of(first, name, save_all=True, append_images=more)
    assert decibels(read(data).extract_band(0, n=3), first) > 20
    assert read_header(data, Limits(max_frames=3, max_pixels=40 * 30)).frames == 4
    if name == "TIFF":
        assert read_header(data, Limits(max_frames=3), moving=True).frames == 4
        return
    with pytest.raises(TooManyFramesError, match="RAYJOBS_MAX_FRAMES") as caught:
        read_header(data, Limits(max_frames=3), moving=True)
    assert (caught.value.limit, caught.value.actual) == (3, "more than 3")
    with pytest.raises(TooManyPixelsError, match="4 frames"):
        read_header(data, Limits(max_pixels=40 * 30 * 3), moving=True)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(SourceTooLargeError, match="RAYJOBS_MAX_SOURCE_BYTES"):
        read_header(b"\xff\xd8\xff" * 100, Limits(max_source_bytes=299))


def test_a_png_with_fewer_pixels_than_it_declares_fails() -> None:
    with pytest.raises(DecodeFailedError):
        read(huge_png(100, 100))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_a_picture_that_is_read_later_keeps_its_file_alive(name: str) -> None:
    lazy = [read_header(file_of(picture(800, 600), name), Limits()).lazy for _ in range(3)]
    gc.collect()
    noise = [bytearray(b"\xff") * 400_000 for _ in range(20)]
    assert len({image.extract_band(0, n=3).avg() for image in lazy}) == 1, len(noise)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}])
def test_a_webp_has_the_same_pixels_whichever_library_reads_it(
    mode: str, options: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = file_of(picture(61, 47, mode), "WEBP", **options)
    small = array(read(data))
    monkeypatch.setattr(decoding, "PASSED_PIXELS", 0)
    assert np.array_equal(small, array(read(data)))
