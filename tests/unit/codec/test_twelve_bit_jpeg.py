"""JPEG of 12 bits a sample, built byte by byte: no library here writes it."""

import numpy as np
import pytest

from rayjobs.codec import Encoding, Limits, Reading
from rayjobs.engine.rendering import Rendered, render
from rayjobs.errors import TruncatedError, UnsupportedFormatError
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import array, file_of, opened, picture

LEVELS = [[256, 1280, 4095], [2304, 3328, 0]]
"""The level of each block of 8 x 8 px, 0 to 4095."""


def twelve_bit_jpeg(levels: list[list[int]], components: int = 1, *, progressive: bool = False) -> bytes:
    """Return a JPEG whose blocks have one level each. Source: ITU-T T.81, annexes B and F.1.2.

    Each code of a DC difference's size has 5 bits, the end of a block has 1; the quantization is 1.
    """
    names = range(1, components + 1)
    sizes = (8 * len(levels)).to_bytes(2, "big") + (8 * len(levels[0])).to_bytes(2, "big")
    shapes = b"".join(bytes((name, 0x11, 0)) for name in names)
    tables = b"".join(bytes((name, 0)) for name in names)
    stream, before = "", 0
    for level in np.ravel(levels):
        # A DC coefficient is 8 times the mean, which is counted from the middle.
        size = abs(difference := 8 * (int(level) - 2048) - before).bit_length()
        before += difference
        stream += f"{size:05b}" + (
            f"{difference + (difference < 0) * ((1 << size) - 1):0{size}b}" if size else ""
        )
        stream += "" if progressive else "0"
        # The other components have the middle level.
        stream += ("00000" + ("" if progressive else "0")) * (components - 1)
    stream += "1" * (-len(stream) % 8)
    packed = bytes(int(stream[at : at + 8], 2) for at in range(0, len(stream), 8))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\0" + b"\1" * 64),
            _segment(0xC2 if progressive else 0xC1, b"\x0c" + sizes + bytes((components,)) + shapes),
            _segment(0xC4, b"\0" + bytes((0, 0, 0, 0, 16)) + bytes(11) + bytes(range(16))),
            _segment(0xC4, b"\x10\1" + bytes(16)),
            _segment(0xDA, bytes((components,)) + tables + bytes((0, 0 if progressive else 63, 0))),
            packed.replace(b"\xff", b"\xff\0"),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body


def run(data: bytes, *names: str, reading: Reading | None = None) -> Rendered:
    pipeline = parse_pipeline([{"name": name} for name in names])
    return render(data, pipeline, Encoding(format="png"), Limits(), reading=reading)


def test_gray_of_12_bits_becomes_8() -> None:
    rendered = run(twelve_bit_jpeg(LEVELS))
    pixels = array(opened(rendered.data))
    assert pixels.shape == (16, 24, 1)
    assert pixels[4::8, 4::8, 0].tolist() == [[level >> 4 for level in row] for row in LEVELS]
    assert (rendered.source.format, rendered.source.width) == ("jpeg", 24)


def test_a_progressive_jpeg_of_12_bits_is_read() -> None:
    # One block only: libjpeg would smooth several, because there are no finer scans.
    pixels = array(opened(run(twelve_bit_jpeg([[1280]], progressive=True)).data))
    assert pixels[..., 0].tolist() == [[80] * 8] * 8


def test_a_thumbnail_is_made_of_12_bits() -> None:
    pipeline = parse_pipeline([{"name": "resize", "width": 3, "height": 2}])
    rendered = render(twelve_bit_jpeg(LEVELS), pipeline, Encoding(format="png"), Limits())
    assert (rendered.output.width, rendered.output.height) == (3, 2)


def test_colour_of_12_bits_is_refused_with_a_remedy() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"has 12 bits a sample.*save it with 8 bits") as caught:
        run(twelve_bit_jpeg(LEVELS, 3))
    assert (caught.value.limit, caught.value.actual) == (8, 12)


def test_a_cut_jpeg_of_12_bits_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        run(twelve_bit_jpeg(LEVELS)[:-4])


def test_8_bits_declared_as_12_are_decoded() -> None:
    data = bytearray(file_of(picture(61, 47, "L"), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = 0xC1, 12
    assert run(bytes(data)).output.width == 61
