"""Colours become sRGB, by the numbers of an ICC profile or by other colour signalling."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from rayjobs.codec import Encoding, Limits, Reading, decode, read_header
from rayjobs.codec.colour import needs_transform
from rayjobs.engine.rendering import render
from rayjobs.request.pipeline import parse_pipeline
from tests.support.heic import HEIC
from tests.support.hostile_files import png_chunk
from tests.support.pictures import array, file_of, opened
from tests.support.profiles import (
    LINEAR,
    P3_COLUMNS,
    REC2020_COLUMNS,
    SRGB_COLUMNS,
    SRGB_CURVE,
    gamma,
    libvipss,
    pillows_srgb,
    profile,
    sampled,
)

STORED = 200, 90, 60
IN_P3 = 216, 81, 49
"""The same colour where the numbers are meant in Display P3, by LittleCMS."""

LYING = {
    "Display P3 Gamut with sRGB Transfer": (P3_COLUMNS, SRGB_CURVE),
    "Rec2020 Gamut with sRGB Transfer": (REC2020_COLUMNS, SRGB_CURVE),
    "GIMP built-in Linear sRGB": (SRGB_COLUMNS, LINEAR),
    "sRGB with a gamma of 2.2": (SRGB_COLUMNS, gamma(2.2)),
    "sRGB with a gamma of 1.8": (SRGB_COLUMNS, gamma(1.8)),
}

TRUE = {
    "no name": (SRGB_COLUMNS, SRGB_CURVE),
    "a table of 1024": (SRGB_COLUMNS, sampled(1024)),
    "a table of 4096": (SRGB_COLUMNS, sampled(4096)),
    "a table of 64": (SRGB_COLUMNS, sampled(64)),
    "rounded": (tuple(tuple(round(each, 3) for each in column) for column in SRGB_COLUMNS), SRGB_CURVE),
}

OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}


def pixel(data: bytes, **reading: object) -> tuple[int, ...]:
    header = read_header(data, Limits(), Reading.model_validate(reading))
    return tuple(int(each) for each in array(decode(data, header, None, streamed=False))[4, 4])


def near(one: tuple[int, ...], other: tuple[int, ...], most: int = 2) -> bool:
    return len(one) == len(other) and max(abs(a - b) for a, b in zip(one, other, strict=True)) <= most


def plain(colour: tuple[int, ...] = STORED) -> Image.Image:
    return Image.new("RGB", (64, 48), colour) if len(colour) == 3 else Image.new("L", (64, 48), colour[0])


def by_littlecms(icc: bytes) -> tuple[int, ...]:
    source, target = ImageCms.ImageCmsProfile(BytesIO(icc)), ImageCms.createProfile("sRGB")
    done = ImageCms.profileToProfile(
        plain(), source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert done is not None
    value = done.getpixel((4, 4))
    assert isinstance(value, tuple)
    return tuple(int(each) for each in value)


def heic_with(icc: bytes) -> bytes:
    """Return a HEIC with a profile in the place of its code points; its pixels stay where they are."""
    data = HEIC["plain"]
    start = data.index(b"meta") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    meta = bytearray(data[start:end])
    at = meta.index(b"colrnclx") - 4
    size = int.from_bytes(meta[at : at + 4], "big")
    meta[at : at + size] = struct.pack(">I", 12 + len(icc)) + b"colrprof" + icc
    for kind in (b"meta", b"iprp", b"ipco"):
        where = meta.index(kind) - 4
        grown = int.from_bytes(meta[where : where + 4], "big") + 12 + len(icc) - size
        meta[where : where + 4] = grown.to_bytes(4, "big")
    free = struct.pack(">I", end - start) + b"free" + bytes(end - start - 8)
    return data[:start] + free + data[end:] + bytes(meta)


@pytest.mark.parametrize("format", OPTIONS)
@pytest.mark.parametrize("name", LYING)
def test_a_profile_is_not_srgbs_by_its_name(name: str, format: str) -> None:
    icc = profile(name, *LYING[name])
    expected = by_littlecms(icc)
    assert not near(expected, STORED, 1)
    if "Display P3" in name:
        assert expected == IN_P3
    assert near(pixel(file_of(plain(), format, icc_profile=icc, **OPTIONS[format])), expected)


@pytest.mark.parametrize("name", TRUE)
def test_a_profile_is_srgbs_by_its_numbers(name: str) -> None:
    icc = profile(name, *TRUE[name])
    assert near(by_littlecms(icc), STORED, 1)
    assert not needs_transform(icc)
    assert pixel(file_of(plain(), "PNG", icc_profile=icc)) == STORED


@pytest.mark.parametrize("icc", [pillows_srgb(), libvipss("srgb")], ids=["LittleCMS", "libvips"])
def test_libraries_own_srgb_is_not_transformed(icc: bytes) -> None:
    assert not needs_transform(icc)


@pytest.mark.parametrize(
    "icc", [libvipss("p3"), profile("sRGB", gray=True, curve=gamma(1.8))], ids=["p3", "gray"]
)
def test_other_profiles_are_transformed(icc: bytes) -> None:
    assert needs_transform(icc)


def test_a_gray_profile_counts_by_its_curve() -> None:
    def read(curve: bytes) -> tuple[int, ...]:
        return pixel(file_of(plain((128,)), "PNG", icc_profile=profile("gray sRGB", gray=True, curve=curve)))

    assert read(SRGB_CURVE) == (128,)
    assert near(read(LINEAR), (188,), 1)


def chunks(image: Image.Image, *added: bytes, **options: Any) -> bytes:
    data = file_of(image, "PNG", **options)
    return data[:33] + b"".join(added) + data[33:]


def gama(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(*values: float) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(each * 100_000) for each in values)))


P3_POINTS = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
CICP_P3, CICP_SRGB = (png_chunk(b"cICP", bytes((primaries, 13, 0, 1))) for primaries in (12, 1))
CICP_PQ = png_chunk(b"cICP", bytes((9, 16, 0, 1)))
IN_LINEAR = tuple(
    round(255 * (1.055 * (each / 255) ** (1 / 2.4) - 0.055)) if each > 0.8 else each for each in STORED
)


@pytest.mark.parametrize(
    ("added", "colour", "gray"),
    [
        ((), STORED, 128),
        ((gama(1),), IN_LINEAR, 188),
        ((gama(0.45455),), STORED, 128),
        ((gama(0.45455), chrm(*SRGB_POINTS)), STORED, 128),
        ((gama(0.45455), chrm(*P3_POINTS)), IN_P3, 128),
        ((chrm(*P3_POINTS),), STORED, 128),
        ((CICP_P3,), IN_P3, 128),
        ((CICP_SRGB,), STORED, 128),
        ((CICP_P3, gama(1)), IN_P3, 128),
        ((CICP_SRGB, gama(1)), STORED, 128),
        ((png_chunk(b"sRGB", b"\0"), gama(1)), STORED, 128),
        ((CICP_PQ,), STORED, 128),
        ((png_chunk(b"gAMA", b""),), STORED, 128),
        ((gama(0),), STORED, 128),
        ((gama(0.45455), chrm(*[0] * 8)), STORED, 128),
        ((gama(0.45455), chrm(0.3127, 0.329, *[0.3, 0.3] * 3)), STORED, 128),
        ((png_chunk(b"cICP", b"\x0c"),), STORED, 128),
        ((png_chunk(b"cICP", b"\xff" * 4),), STORED, 128),
    ],
)
def test_the_chunks_of_a_png_signal_its_colours(
    added: tuple[bytes, ...], colour: tuple[int, ...], gray: int
) -> None:
    assert near(pixel(chunks(plain(), *added)), colour, 1)
    assert near(pixel(chunks(plain((128,)), *added)), (gray,), 1)


@pytest.mark.parametrize(
    ("added", "expected"),
    [((), IN_P3), ((gama(1),), IN_P3), ((CICP_SRGB,), STORED), ((CICP_PQ,), IN_P3), ((CICP_P3,), IN_P3)],
)
def test_cicp_precedes_a_profile_which_precedes_gama(
    added: tuple[bytes, ...], expected: tuple[int, ...]
) -> None:
    icc = profile("Display P3", P3_COLUMNS)
    assert near(pixel(chunks(plain(), *added, icc_profile=icc)), expected, 1)


def test_colours_signalled_by_a_chunk_are_kept_with_an_equal_profile() -> None:
    kept = render(
        chunks(plain(), CICP_P3),
        parse_pipeline([]),
        Encoding(format="png"),
        Limits(),
        reading=Reading(profile="keep"),
    ).data
    assert np.asarray(opened(kept))[4, 4].tolist() == list(STORED)
    assert by_littlecms(opened(kept).info["icc_profile"]) == IN_P3


def avif_of(primaries: int, transfer: int, **options: Any) -> bytes:
    data = file_of(plain(), "AVIF", **OPTIONS["AVIF"], **options)
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize(
    ("primaries", "transfer", "expected"),
    [(12, 13, IN_P3), (12, 1, IN_P3), (1, 13, STORED), (2, 2, STORED), (1, 8, IN_LINEAR), (9, 16, STORED)],
)
def test_the_code_points_of_an_avif_signal_its_colours(
    primaries: int, transfer: int, expected: tuple[int, ...]
) -> None:
    assert near(pixel(avif_of(primaries, transfer)), expected)


def test_the_profile_of_an_avif_precedes_code_points() -> None:
    icc = profile("sRGB by numbers")
    assert near(pixel(avif_of(12, 13, icc_profile=icc)), STORED)


def test_the_code_points_of_a_heic_signal_its_colours() -> None:
    data = HEIC["plain"]
    at = data.index(b"nclx") + 4
    signalled = data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :]
    icc = profile("Display P3 Gamut with sRGB Transfer", P3_COLUMNS)
    assert not near(pixel(signalled), pixel(data))
    assert near(pixel(signalled), pixel(heic_with(icc)), 1)
    assert near(pixel(heic_with(profile("no name"))), pixel(data), 0)
