"""The walk over the parts of a file: the counted sizes; damage only ends the walk."""

import zlib

import numpy as np
import pytest

from rayjobs.codec.formats import FORMATS
from rayjobs.codec.limits import Limits
from rayjobs.codec.structure import check_structure
from rayjobs.errors import SourceTooLargeError, TooManyFramesError
from tests.support.hostile_files import png, png_chunk
from tests.support.pictures import file_of, picture

WORDS = b"w" * 3000


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"tEXt", b"k\0" + WORDS),
        png_chunk(b"zTXt", b"k\0\0" + zlib.compress(WORDS)),
        png_chunk(b"iTXt", b"k\0\0\0\0\0" + WORDS),
        png_chunk(b"iTXt", b"k\0\1\0en\0mot\0" + zlib.compress(WORDS)),
    ],
)
def test_a_text_of_a_png_counts_as_it_is_unpacked(chunk: bytes) -> None:
    check_structure(png(9, 9, chunk), FORMATS["png"], Limits(max_metadata_bytes=3100))
    with pytest.raises(SourceTooLargeError, match="RAYJOBS_MAX_METADATA_BYTES") as caught:
        check_structure(png(9, 9, chunk), FORMATS["png"], Limits(max_metadata_bytes=2999))
    assert caught.value.limit == 2999


def test_texts_behind_the_pixels_count_too() -> None:
    data = file_of(picture(9, 9))
    data = data[:-12] + png_chunk(b"tEXt", b"k\0" + WORDS) + data[-12:]
    with pytest.raises(SourceTooLargeError):
        check_structure(data, FORMATS["png"], Limits(max_metadata_bytes=2999))


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
def test_a_profile_counts_by_itself(name: str) -> None:
    rng = np.random.default_rng(1)
    data = file_of(picture(9, 9), name.upper(), icc_profile=rng.bytes(5000))
    check_structure(data, FORMATS[name], Limits(max_icc_bytes=5100, max_metadata_bytes=1000))
    with pytest.raises(SourceTooLargeError, match="RAYJOBS_MAX_ICC_BYTES"):
        check_structure(data, FORMATS[name], Limits(max_icc_bytes=4999))


@pytest.mark.parametrize("name", ["jpeg", "webp", "tiff"])
def test_xmp_counts_as_metadata(name: str) -> None:
    options = {"xmp": WORDS} if name != "tiff" else {"tiffinfo": {700: WORDS}}
    data = file_of(picture(9, 9), name.upper(), **options)
    with pytest.raises(SourceTooLargeError, match="RAYJOBS_MAX_METADATA_BYTES"):
        check_structure(data, FORMATS[name], Limits(max_metadata_bytes=2000))


@pytest.mark.parametrize("name", ["gif", "webp", "tiff"])
def test_frames_are_counted(name: str) -> None:
    first, *more = (picture(40, 30, seed=seed) for seed in range(6))
    data = file_of(first, name.upper(), save_all=True, append_images=more)
    assert check_structure(data, FORMATS[name], Limits(max_frames=6), moving=True) == 6
    with pytest.raises(TooManyFramesError, match=r"more than 5 frames.*RAYJOBS_MAX_FRAMES") as caught:
        check_structure(data, FORMATS[name], Limits(max_frames=5), moving=True)
    assert (caught.value.limit, caught.value.actual) == (5, "more than 5")
    assert check_structure(data, FORMATS[name], Limits(max_frames=5)) == 6


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "tiff", "avif"])
def test_damage_only_ends_the_walk(name: str) -> None:
    data = file_of(picture(40, 30), name.upper())
    rng = np.random.default_rng(4)
    for end in range(0, len(data), max(1, len(data) // 50)):
        check_structure(data[:end], FORMATS[name], Limits(max_metadata_bytes=2**40, max_icc_bytes=2**40))
        noisy = data[:12] + rng.bytes(end)
        generous = Limits(max_metadata_bytes=2**70, max_icc_bytes=2**70, max_frames=2**40)
        check_structure(noisy, FORMATS[name], generous)


def test_pages_that_lead_in_a_circle_end() -> None:
    data = bytearray(file_of(picture(9, 9), "TIFF"))
    first = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[first : first + 2], "little")
    at = first + 2 + 12 * entries
    data[at : at + 4] = data[4:8]
    check_structure(bytes(data), FORMATS["tiff"], Limits(max_frames=1))
