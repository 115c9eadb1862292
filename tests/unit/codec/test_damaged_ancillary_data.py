"""Damaged ancillary data (profile, EXIF, XMP, IPTC) never loses the pixels, in all formats that have it."""

import struct
import zlib
from typing import Any, Literal

import numpy as np
import pytest

from rayjobs.codec import Encoding, Limits, Reading, encode
from rayjobs.engine.rendering import render
from rayjobs.request.pipeline import parse_pipeline
from tests.support.heic import HEIC
from tests.support.hostile_files import png_chunk
from tests.support.jxl import boxed
from tests.support.pictures import Array, array, file_of, opened, picture, vips
from tests.support.profiles import P3_COLUMNS, damaged, profile
from tests.support.tiff import Tiff, tiff

Policy = Literal["strip", "keep", "strip_gps"]
POLICIES: tuple[Policy, ...] = ("strip", "keep", "strip_gps")

OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "AVIF": {"quality": 90},
    "JXL": {},
}

EXIF = {
    "a head alone": b"Exif\0\0",
    "a directory nowhere": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "a directory in a circle": b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0",
    "too many entries": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(60),
    "zeros": bytes(30),
    "noise": np.random.default_rng(1).bytes(900),
}

XMP = {
    "nothing": b"",
    "every byte": bytes(range(256)),
    "no end": b"<x:xmpmeta",
    "UTF-16": "<x>".encode("utf-16"),
    "an entity": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
}

IPTC = {"nothing": b"", "a size beyond": b"\x1c\2\x50\xff\xff" + b"x" * 40, "noise": bytes(range(256))}


def pixels(data: bytes, metadata: Policy = "strip", profile: Literal["srgb", "keep"] = "srgb") -> Array:
    encoding = Encoding(format="png", metadata=metadata, keep_copyright=True)
    done = render(data, parse_pipeline([]), encoding, Limits(), reading=Reading(profile=profile))
    return array(opened(done.data).convert("RGB")).astype(int)


def made(format: str, **ancillary: Any) -> bytes:
    if format == "TIFF":
        tags = {tag: ancillary.pop(key) for key, tag in (("xmp", 700), ("iptc", 33723)) if key in ancillary}
        ancillary |= {"tiffinfo": tags} if tags else {}
    try:
        return file_of(picture(64, 48), format, **OPTIONS[format], **ancillary)
    except (OSError, RuntimeError, SyntaxError, TypeError, UserWarning, ValueError):
        pytest.skip("Pillow does not write such damage; the tests below do it by hand")


def assert_same(data: bytes, whole: bytes, *, policies: tuple[Policy, ...] = POLICIES, most: int = 0) -> None:
    expected = pixels(whole)
    for policy in policies:
        for kept in ("srgb", "keep"):
            assert np.abs(pixels(data, policy, kept) - expected).max() <= most, (policy, kept)


@pytest.mark.parametrize("kind", damaged())
@pytest.mark.parametrize("format", OPTIONS)
def test_a_damaged_profile_is_ignored(format: str, kind: str) -> None:
    assert_same(made(format, icc_profile=damaged()[kind]), made(format), policies=("strip",))


@pytest.mark.parametrize("size", [0, 16, 2**32 - 1])
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_with_a_wrong_size_is_applied(format: str, size: int) -> None:
    whole = profile("Display P3", P3_COLUMNS)
    read = made(format, icc_profile=size.to_bytes(4, "big") + whole[4:])
    assert np.array_equal(pixels(read), pixels(made(format, icc_profile=whole)))
    assert np.array_equal(pixels(read, profile="keep"), pixels(made(format)))


@pytest.mark.parametrize("kind", EXIF)
@pytest.mark.parametrize("format", OPTIONS)
def test_damaged_exif(format: str, kind: str) -> None:
    assert_same(made(format, exif=EXIF[kind]), made(format))


@pytest.mark.parametrize("kind", XMP)
@pytest.mark.parametrize("format", OPTIONS)
def test_damaged_xmp(format: str, kind: str) -> None:
    assert_same(made(format, xmp=XMP[kind]), made(format))


@pytest.mark.parametrize("kind", IPTC)
def test_damaged_iptc_of_a_tiff(kind: str) -> None:
    assert_same(made("TIFF", iptc=IPTC[kind]), made("TIFF"))


def segment(body: bytes, marker: int = 0xE2) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def parts(*each: tuple[int, int, bytes]) -> bytes:
    return b"".join(segment(b"ICC_PROFILE\0" + bytes(numbers) + body) for *numbers, body in each)


WIDE = profile("Display P3", P3_COLUMNS)
HALF = len(WIDE) // 2
FIRST, SECOND = WIDE[:HALF], WIDE[HALF:]


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(segment(b"ICC_PROFILE\0"), id="no numbers"),
        pytest.param(segment(b"ICC_PROFILE\0\1"), id="one number"),
        pytest.param(parts((1, 1, b"")), id="empty"),
        pytest.param(parts((1, 1, WIDE), (1, 1, WIDE)), id="repeated whole"),
        pytest.param(parts((1, 2, FIRST), (1, 2, FIRST), (2, 2, SECOND)), id="repeated"),
        pytest.param(parts((1, 2, FIRST)), id="incomplete"),
        pytest.param(parts((2, 2, SECOND)), id="the first missing"),
        pytest.param(parts((0, 0, WIDE)), id="misnumbered 0 of 0"),
        pytest.param(parts((0, 1, WIDE)), id="misnumbered 0 of 1"),
        pytest.param(parts((3, 2, WIDE)), id="misnumbered 3 of 2"),
        pytest.param(parts((255, 255, WIDE)), id="misnumbered 255 of 255"),
        pytest.param(parts((0, 2, FIRST), (1, 2, SECOND)), id="counted from 0"),
        pytest.param(parts((1, 2, FIRST), (2, 3, SECOND)), id="totals that differ"),
    ],
)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("thumbnail", [False, True])
def test_the_profile_of_a_jpeg_in_damaged_segments_is_ignored(
    segments: bytes, *, progressive: bool, thumbnail: bool
) -> None:
    whole = file_of(picture(320, 240), "JPEG", quality=95, progressive=progressive)
    data = whole[:2] + segments + whole[2:]
    if thumbnail:
        small = parse_pipeline([{"name": "thumbnail", "size": 40}])
        done = [render(each, small, Encoding(format="png"), Limits()).data for each in (data, whole)]
        assert np.abs(np.subtract(*(array(opened(each)).astype(int) for each in done))).max() <= 3
    else:
        assert_same(data, whole, policies=("strip",), most=1)


def test_the_profile_of_a_jpeg_in_two_segments_of_any_order_is_applied() -> None:
    whole = made("JPEG")
    for segments in (parts((1, 2, FIRST), (2, 2, SECOND)), parts((2, 2, SECOND), (1, 2, FIRST))):
        read = pixels(whole[:2] + segments + whole[2:])
        assert np.array_equal(read, pixels(made("JPEG", icc_profile=WIDE)))


@pytest.mark.parametrize(
    "added",
    [
        segment(b"Exif", 0xE1),
        segment(b"", 0xE1),
        segment(b"http://ns.adobe.com/xap/1.0/\0", 0xE1),
        segment(b"http://ns.adobe.com/xap/1.0/", 0xE1),
        segment(b"Photoshop 3.0\0", 0xED),
        segment(b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff\xff\xff" + b"x" * 40, 0xED),
        segment(b"", 0xFE),
        segment(b"Adobe", 0xEE),
    ],
)
def test_a_jpegs_damaged_segments(added: bytes) -> None:
    whole = made("JPEG")
    assert_same(whole[:2] + added + whole[2:], whole)


def bad_checksum(kind: bytes, body: bytes) -> bytes:
    return png_chunk(kind, body)[:-4] + b"\0\0\0\1"


@pytest.mark.parametrize(
    "added",
    [
        png_chunk(b"iCCP", b""),
        png_chunk(b"iCCP", b"p\0\0junkjunk"),
        png_chunk(b"iCCP", b"p\0\0" + zlib.compress(WIDE)[:100]),
        png_chunk(b"iCCP", b"p\0\7" + zlib.compress(WIDE)),
        png_chunk(b"tEXt", b""),
        png_chunk(b"zTXt", b"k\0\0junk"),
        png_chunk(b"iTXt", b"k"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0junk"),
        png_chunk(b"eXIf", b""),
        bad_checksum(b"eXIf", b"II*\0"),
        bad_checksum(b"tEXt", b"k\0words"),
        png_chunk(b"pHYs", b"\0"),
        png_chunk(b"tIME", b"\xff" * 7),
        png_chunk(b"sBIT", b"\0\0\0"),
        png_chunk(b"bKGD", b"\0"),
        png_chunk(b"tRNS", b"\0\0\0"),
        png_chunk(b"sRGB", b"\xff"),
    ],
)
def test_a_pngs_damaged_chunks(added: bytes) -> None:
    whole = made("PNG")
    assert_same(whole[:33] + added + whole[33:], whole)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


@pytest.mark.parametrize(
    ("flags", "before", "after"),
    [
        (0x20, b"", b""),
        (0x20, chunk(b"ICCP", b""), b""),
        (0x20, chunk(b"ICCP", b"x"), chunk(b"ICCP", b"y")),
        (0x20, b"", chunk(b"ICCP", WIDE[:50])),
        (0x08, b"", b""),
        (0x08, b"", chunk(b"EXIF", b"")),
        (0x08, b"", b"EXIF\xff\xff\0\0"),
        (0x08, b"", b"EXIF\xff\xff\0\0few bytes"),
        (0x04, chunk(b"XMP ", b"\xff"), b""),
        (0x04, b"", b"XMP \xff\xff\xff\x7f"),
        (0x2C, b"", b"XMP \xff\xff\xff\x7f" + bytes(9)),
    ],
)
def test_a_webps_damaged_chunks(flags: int, before: bytes, after: bytes) -> None:
    whole = made("WEBP")
    head = chunk(b"VP8X", bytes((flags, 0, 0, 0)) + b"\x3f\0\0\x2f\0\0")
    body = b"WEBP" + head + before + whole[12:] + after
    assert_same(b"RIFF" + struct.pack("<I", len(body)) + body, whole)


@pytest.mark.parametrize("kind", damaged())
def test_a_damaged_profile_of_a_tiff_that_libvips_does_not_decode(kind: str) -> None:
    numbers = array(picture(64, 48)).astype(np.uint16) << 4
    plain = tiff(numbers, Tiff(2, bits=12))
    assert_same(
        tiff(numbers, Tiff(2, bits=12, tags={34675: (7, damaged()[kind])})), plain, policies=("strip",)
    )


@pytest.mark.parametrize("kind", EXIF)
def test_a_jpeg_xls_damaged_boxes(kind: str) -> None:
    bare = encode(vips(picture(64, 48)), Encoding(format="jxl", lossless=True)).data
    assert_same(boxed(bare, (b"Exif", EXIF[kind]), (b"xml ", b"\xff<")), boxed(bare))


def test_a_heics_damaged_exif() -> None:
    data = HEIC["turned"]
    at = data.index(b"II*\0" if b"II*\0" in data else b"MM\0*")
    for junk in (b"\xff" * 4, b"II*\0", bytes(4)):
        assert_same(data[:at] + junk + b"\xff\xff\xff\xff" + data[at + 8 :], data)
