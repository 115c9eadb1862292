"""Cut and damaged files raise an error of the tree: never a crash, never half a picture."""

from contextlib import suppress

import numpy as np
import pytest

from rayjobs.codec import Limits, decode, read_header
from rayjobs.errors import DecodeFailedError, TooManyFramesError, TooManyPixelsError, TruncatedError
from tests.support.heic import HEIC
from tests.support.pictures import file_of, picture

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


def read(data: bytes) -> None:
    decode(data, read_header(data, Limits()), None, streamed=True)


@pytest.mark.parametrize("part", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_file_is_distinguished_from_a_damaged_one(name: str, part: float) -> None:
    data = file_of(picture(200, 150), name)
    with pytest.raises(TruncatedError, match="ends before"):
        read(data[: int(len(data) * part)])


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_may_be_cut_anywhere(*, progressive: bool) -> None:
    data = file_of(picture(120, 90), "JPEG", progressive=progressive)
    for end in range(3, len(data) - 2, 61):
        with pytest.raises(TruncatedError):
            read(data[:end])


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_may_end_after_its_magic_bytes(name: str) -> None:
    with pytest.raises((TruncatedError, DecodeFailedError)):
        read(file_of(picture(60, 40), name)[:14])


@pytest.mark.parametrize("name", FORMATS)
def test_bits_may_be_flipped_anywhere(name: str) -> None:
    data = file_of(picture(90, 60), name)
    rng = np.random.default_rng(5)
    for _ in range(60):
        broken = np.frombuffer(data, dtype=np.uint8).copy()
        at = rng.integers(12, len(data), 8)
        broken[at] ^= rng.integers(1, 256, 8).astype(np.uint8)
        with suppress(DecodeFailedError, TruncatedError, TooManyPixelsError, TooManyFramesError):
            read(broken.tobytes())


@pytest.mark.parametrize("name", FORMATS)
def test_noise_behind_the_magic_bytes_fails(name: str) -> None:
    magic = file_of(picture(60, 40), name)[:12]
    noise = np.random.default_rng(3).integers(0, 256, 5000).astype(np.uint8).tobytes()
    with pytest.raises((DecodeFailedError, TruncatedError)):
        read(magic + noise)


def test_bytes_after_the_end_are_ignored() -> None:
    for name in FORMATS:
        read(file_of(picture(60, 40), name) + b"\0" * 100)


@pytest.mark.parametrize("at", [4, 12])
def test_a_heic_with_a_crop_larger_than_its_picture_fails(at: int) -> None:
    data = bytearray(HEIC["plain"])
    side = data.index(b"clap") + at  # width, then height, of what is to be seen
    data[side : side + 4] = bytes((0, 0, 0xB6, 0x40))
    with pytest.raises(DecodeFailedError, match=r"its header says .*46656.* px, its picture has 64 x "):
        read(bytes(data))
