"""BMP of every header and bit field, icons, and TGA, which has no magic bytes."""

import struct

import numpy as np
import pytest
from PIL import Image

from rayjobs.codec import FORMATS, Limits, decode, describe_not_read, read_header
from rayjobs.errors import DecodeFailedError, TooManyPixelsError, TruncatedError, UnsupportedFormatError
from tests.support import corpus
from tests.support.bitmaps import bmp, icon, packed_pixels, padded
from tests.support.hostile_files import png, png_chunk
from tests.support.pictures import Array, array, file_of, picture

WIDTH, HEIGHT = 37, 23
RGB = np.asarray(picture(WIDTH, HEIGHT))
RGBA = np.asarray(picture(WIDTH, HEIGHT, "RGBA"))
ROWS = padded(RGB[..., ::-1].reshape(HEIGHT, -1))

_FEW = picture(WIDTH, HEIGHT).quantize(16)
INDEXES, COLOURS = np.asarray(_FEW), np.asarray(_FEW.getpalette(), np.uint8).reshape(-1, 3)[:16]

HEADERS = (12, 16, 20, 24, 32, 36, 40, 44, 48, 52, 56, 60, 64, 108, 124)
"""OS/2's first; its second, which may end after any field; Windows' five."""


def read(data: bytes, name: str, *, lenient: bool = False) -> Array:
    header = read_header(data, Limits(), lenient=lenient)
    assert header.format.name == name
    return array(decode(data, header, None, streamed=False))


def indexed(bits: int) -> tuple[Array, Array]:
    """Return rows of indexes of the given bits, and the pixels."""
    small = INDEXES % 2**bits if bits < 8 else INDEXES
    shifts = np.arange(bits - 1, -1, -1)
    packed = np.packbits(((small[..., None] >> shifts) & 1).reshape(HEIGHT, -1).astype(np.uint8), axis=1)
    return padded(packed), COLOURS[small]


def mask_of(small: Array) -> tuple[bytes, Array]:
    """Return an icon's mask, the lowest row first, and the alpha that it means."""
    hidden = (small & 1).astype(np.uint8)
    return padded(np.packbits(hidden, axis=1))[::-1].tobytes(), np.where(hidden, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("header", HEADERS)
def test_a_bmp_of_any_header(header: int) -> None:
    assert np.array_equal(read(bmp(header, 24, ROWS, width=WIDTH), "bmp"), RGB)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("header", HEADERS)
def test_a_bmp_of_indexes_with_no_more_colours_than_it_uses(header: int, bits: int) -> None:
    rows, expected = indexed(bits)
    data = bmp(header, bits, rows, palette=COLOURS[: 2**bits], width=WIDTH)
    assert np.array_equal(read(data, "bmp"), expected)


def in_fields(pixels: Array, masks: tuple[int, ...]) -> Array:
    """Return pixels reduced to the bits of the masks."""
    left = np.empty(pixels.shape, float)
    for band, mask in enumerate(masks):
        most = mask >> ((mask & -mask).bit_length() - 1)
        left[..., band] = np.round(np.round(pixels[..., band] / 255 * most) * 255 / most)
    return left.astype(np.uint8)


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0x0F00, 0x00F0, 0x000F)),
        (16, (0x0F00, 0x00F0, 0x000F, 0xF000)),
        (16, (0xF800, 0x07E0, 0x001F)),
        (16, (0x7C00, 0x03E0, 0x001F)),
        (16, (0x7C00, 0x03E0, 0x001F, 0x8000)),
        (16, (0x3000, 0x0E00, 0x01F0)),
        (24, (0x0000FF, 0x00FF00, 0xFF0000)),
        (32, (0x3FF00000, 0x000FFC00, 0x000003FF)),
        (32, (0x3FF00000, 0x000FFC00, 0x000003FF, 0xC0000000)),
        (32, (0x000000FF, 0x0000FF00, 0x00FF0000)),
        (32, (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)),
        (32, (0xFF000000, 0x00FF0000, 0x0000FF00, 0x000000FF)),
    ],
)
def test_a_bmp_of_any_bit_fields(bits: int, masks: tuple[int, ...], header: int) -> None:
    if len(masks) == 4 and header == 52:
        pytest.skip("a header of 52 bytes has three masks")
    pixels = RGBA[..., : len(masks)]
    packing = 6 if len(masks) == 4 and header == 40 else None
    data = bmp(header, bits, packed_pixels(pixels, masks, bits), masks=masks, packing=packing, width=WIDTH)
    got = read(data, "bmp")
    assert got.shape == pixels.shape
    assert np.abs(got.astype(int) - in_fields(pixels, masks)).max() <= 1


def test_a_bmp_whose_alpha_is_0_everywhere_is_opaque() -> None:
    masks = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    pixels = np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)])
    assert np.array_equal(read(bmp(124, 32, packed_pixels(pixels, masks, 32), masks=masks), "bmp"), RGB)


def test_a_bmp_from_the_upper_row_on() -> None:
    assert np.array_equal(read(bmp(40, 24, ROWS, width=WIDTH, upright=True), "bmp"), RGB)
    assert np.array_equal(read(bmp(32, 24, ROWS, width=WIDTH, upright=True), "bmp"), RGB)


@pytest.mark.parametrize(("header", "packing"), [(40, 4), (40, 5), (64, 3), (64, 4), (16 + 4, 1), (124, 9)])
def test_a_bmp_of_an_unsupported_compression_is_refused_with_the_reason(header: int, packing: int) -> None:
    rows, _ = indexed(8)
    data = bmp(header, 8, rows, palette=COLOURS, width=WIDTH, packing=packing)
    with pytest.raises(UnsupportedFormatError, match=r"is packed as .*: save it uncompressed, or as PNG"):
        read(data, "bmp")


@pytest.mark.parametrize("header", HEADERS)
def test_a_cut_bmp_is_truncated_or_salvaged(header: int) -> None:
    data = bmp(header, 24, ROWS, width=WIDTH)
    cut = data[: -ROWS.shape[1] * 5]
    with pytest.raises(TruncatedError):
        read(cut, "bmp")
    for end in range(15, len(data) - ROWS.size, 3):
        with pytest.raises((TruncatedError, DecodeFailedError, UnsupportedFormatError)):
            read(data[:end], "bmp")
    assert np.array_equal(read(cut, "bmp", lenient=True)[5:], RGB[5:])


def dib(bits: int, rows: Array, palette: Array | None, mask: bytes) -> bytes:
    head = bmp(40, bits, rows, palette=palette, width=WIDTH)[14:]
    return head[:8] + struct.pack("<i", 2 * HEIGHT) + head[12:] + mask


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_an_icon_of_indexes_with_a_mask(bits: int) -> None:
    rows, pixels = indexed(bits)
    mask, alpha = mask_of(INDEXES)
    data = icon((WIDTH, HEIGHT, bits, dib(bits, rows, COLOURS[: 2**bits], mask)))
    # The palette has the declared number of colours, fewer than the bits allow.
    assert np.array_equal(read(data, "ico"), np.dstack([pixels, alpha]))


def test_an_icon_of_colours_with_a_mask_without_one_and_with_alpha() -> None:
    mask, alpha = mask_of(INDEXES)
    with_mask = read(icon((WIDTH, HEIGHT, 24, dib(24, ROWS, None, mask))), "ico")
    assert np.array_equal(with_mask, np.dstack([RGB, alpha]))
    without = read(icon((WIDTH, HEIGHT, 24, dib(24, ROWS, None, b""))), "ico")
    assert np.array_equal(without, np.dstack([RGB, np.full_like(alpha, 255)]))
    rows = RGBA[..., [2, 1, 0, 3]].reshape(HEIGHT, -1)
    assert np.array_equal(read(icon((WIDTH, HEIGHT, 32, dib(32, rows, None, mask))), "ico"), RGBA)


@pytest.mark.parametrize("format", ["png", "bmp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_largest_picture_of_an_icon_by_pillow_is_read(mode: str, format: str) -> None:
    image = picture(64, 48, mode)
    data = file_of(image, "ICO", sizes=[(16, 12), (64, 48), (32, 24)], bitmap_format=format)
    got = read(data, "ico")
    assert got.shape[:2] == (48, 64)
    assert np.array_equal(got[..., :3], np.asarray(image)[..., :3])
    if mode == "RGBA":
        assert np.array_equal(got[..., 3], np.asarray(image)[..., 3])


def test_limits_hold_for_the_picture_within_an_icon() -> None:
    huge = png(60_000, 60_000)
    with pytest.raises(TooManyPixelsError, match="RAYJOBS_MAX_PIXELS"):
        read_header(icon((16, 16, 32, huge)), Limits())
    body = bmp(40, 24, padded(np.zeros((1, 3), np.uint8)))[14:]
    tall = body[:4] + struct.pack("<ii", 60_000, 120_000) + body[12:]
    with pytest.raises(TooManyPixelsError, match="RAYJOBS_MAX_PIXELS"):
        read_header(icon((16, 16, 24, tall)), Limits())
    texts = png(9, 9, *[png_chunk(b"tEXt", b"k\0" + bytes(2**20))] * 9)
    with pytest.raises(Exception, match="RAYJOBS_MAX_METADATA_BYTES"):
        read_header(icon((16, 16, 32, texts)), Limits())


def test_an_icon_without_a_picture_is_broken() -> None:
    for data in (b"\0\0\1\0\1\0" + bytes(60), icon((16, 16, 32, b"")), icon((16, 16, 32, b"junk" * 20))):
        with pytest.raises(DecodeFailedError):
            read(data, "ico")


@pytest.mark.parametrize("footer", [True, False])
@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("orientation", [-1, 1])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_a_tga(mode: str, orientation: int, compression: str | None, *, footer: bool) -> None:
    image = picture(WIDTH, HEIGHT, "RGB" if mode in "LP" else mode).convert(mode)
    data = file_of(image, "TGA", orientation=orientation, compression=compression)
    if not footer:
        data = data.removesuffix(b"\0" * 8 + b"TRUEVISION-XFILE.\0")
    plain = image.convert("RGB") if mode == "P" else image
    assert np.array_equal(read(data, "tga"), np.asarray(plain).reshape(HEIGHT, WIDTH, -1))


def test_a_tga_of_15_bits_and_one_without_alpha() -> None:
    head = bytes((0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 16, 0x20))
    pixels = read(head + struct.pack("<HH", 0x7C00, 0x03FF), "tga")
    assert pixels[..., :3].tolist() == [[[255, 0, 0], [0, 255, 255]]]
    image = Image.merge("RGBA", [*Image.fromarray(RGB).split(), Image.new("L", (WIDTH, HEIGHT))])
    assert np.array_equal(read(file_of(image, "TGA"), "tga"), RGB)


@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_a_cut_tga_is_truncated_or_salvaged(compression: str | None) -> None:
    image = picture(200, 150)
    data = file_of(image, "TGA", compression=compression, orientation=1)
    data = data[: len(data) // 2]
    with pytest.raises(TruncatedError):
        read(data, "tga")
    assert np.array_equal(read(data, "tga", lenient=True)[:60], np.asarray(image)[:60])


def test_a_tga_beyond_the_limits_is_refused_from_its_head() -> None:
    head = bytes((0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)) + struct.pack("<HH", 60_000, 60_000) + bytes((24, 0))
    with pytest.raises(TooManyPixelsError):
        read_header(head, Limits())


def test_other_files_are_not_recognised_as_tga() -> None:
    rng = np.random.default_rng(1)
    texts = [rng.bytes(5000) for _ in range(3000)] + list(corpus.no_pictures().values())
    texts += [bytes((0, 0, kind)) + bytes(60) for kind in range(256)]
    texts += [rng.integers(0, 3, 64, np.uint8).tobytes() for _ in range(3000)]
    assert [data for data in texts if FORMATS["tga"].magic.match(data)] == []


def test_formats_that_are_not_read_are_listed_with_the_reason() -> None:
    reasons = {each["name"]: each["reason"] for each in describe_not_read()}
    assert {"psd", "qoi", "svg"} <= set(reasons)
    assert not set(reasons) & set(FORMATS)
    assert all(reasons.values())
