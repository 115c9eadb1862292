"""Every kind of TIFF sample: the right pixels, or a refusal with its reason; never other pixels.

The right pixels are those that the numbers were made of; where Pillow reads the file too, they are its.
"""

import io
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from rayjobs.codec import Limits, Reading, decode, read_header
from rayjobs.codec.tiff_layout import layout_of, reader_of
from rayjobs.errors import TooManyPixelsError, TruncatedError, UnsupportedFormatError
from tests.support.pictures import array, file_of, picture
from tests.support.tiff import Tiff, tiff

SIZE = 53, 41
"""Sides that are no multiple of a tile or strip."""

GRAY, WHITE_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 1, 0, 2, 3, 5, 6, 8, 9
_PIXELS = {
    mode: np.asarray(picture(*SIZE, mode)).reshape(SIZE[1], SIZE[0], -1) for mode in ("L", "RGB", "RGBA")
}

Samples = npt.NDArray[Any]


def read(data: bytes, *, lenient: bool = False, **reading: object) -> Samples:
    header = read_header(data, Limits(), Reading.model_validate(reading), lenient=lenient)
    assert header.size == SIZE
    return array(decode(data, header, None, streamed=False))


def in_bits(pixels: Samples, bits: int) -> tuple[Samples, Samples]:
    """Return 8-bit pixels as numbers of the given bits, and those numbers in 8 bits again."""
    if bits < 8:
        small = pixels >> (8 - bits)
        return small, np.round(small * (255 / (2**bits - 1)))
    kind = np.uint8 if bits == 8 else np.uint16 if bits <= 16 else np.uint32
    return np.left_shift(pixels.astype(kind), bits - 8, dtype=kind), pixels


def psnr(one: Samples, other: Samples) -> float:
    """Return the peak signal to noise ratio in dB."""
    error = float(((one.astype(float) - other.reshape(one.shape).astype(float)) ** 2).mean())
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def difference(one: Samples, other: Samples) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("compression", [1, 8, 34925])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32])
@pytest.mark.parametrize("photometric", [GRAY, WHITE_IS_ZERO])
def test_gray_of_any_bits(
    photometric: int, bits: int, order: Literal["<", ">"], compression: int, tile: int | None
) -> None:
    numbers, expected = in_bits(_PIXELS["L"], bits)
    kind = Tiff(photometric, compression, tile=tile, bits=bits, order=order)
    got = read(tiff(numbers, kind))
    assert difference(got, 255 - expected if photometric == WHITE_IS_ZERO else expected) <= 1


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("compression", [1, 8, 34925])
@pytest.mark.parametrize("bits", [2, 4, 6, 8, 10, 12, 14, 16, 24, 32])
def test_colours_of_any_bits(bits: int, compression: int, planar: int, tile: int | None) -> None:
    numbers, expected = in_bits(_PIXELS["RGB"], bits)
    kind = Tiff(RGB, compression, planar, tile=tile, bits=bits)
    assert difference(read(tiff(numbers, kind)), expected) <= 1


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("compression", [8, 34925])
@pytest.mark.parametrize("planar", [1, 2])
def test_differences_are_undone(planar: int, compression: int, bits: int) -> None:
    numbers, expected = in_bits(_PIXELS["RGB"], bits)
    assert difference(read(tiff(numbers, Tiff(RGB, compression, planar, predictor=2))), expected) <= 1


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_of_0_to_1(mode: str, kind: type[np.floating], order: Literal["<", ">"]) -> None:
    numbers = (_PIXELS[mode] / 255).astype(kind)
    assert (
        difference(read(tiff(numbers, Tiff(RGB if mode == "RGB" else GRAY, order=order))), _PIXELS[mode]) <= 1
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_floats_of_0_to_255_which_libraries_write(mode: str) -> None:
    kind = Tiff(RGB if mode == "RGB" else GRAY)
    assert difference(read(tiff(_PIXELS[mode].astype(np.float32), kind)), _PIXELS[mode]) == 0


def test_floats_with_entries_for_black_and_white() -> None:
    numbers = _PIXELS["L"].astype(np.float32) * 8 - 500
    data = tiff(numbers, Tiff(GRAY, tags={340: (11, (-500.0,)), 341: (11, (8 * 255.0 - 500,))}))
    assert difference(read(data), _PIXELS["L"]) <= 1


@pytest.mark.parametrize(
    ("low", "high"),
    [(-5.0, 1.0), (0.0, 1.5), (0.0, 3000.0), (-1e9, 1e9), (0.0, float("inf")), (0.0, float("nan"))],
)
def test_floats_with_an_unknown_white_are_refused(low: float, high: float) -> None:
    numbers = (_PIXELS["L"] / 255 * 0.5).astype(np.float32)
    numbers[0, 0], numbers[0, 1] = low, high
    with pytest.raises(
        UnsupportedFormatError, match=r"no entry says which are black and white.*save it with"
    ):
        read(tiff(numbers, Tiff(GRAY)))


@pytest.mark.parametrize("factor", [1, 256])
def test_pillows_whole_numbers_of_32_bits(factor: int) -> None:
    numbers = _PIXELS["L"][..., 0].astype(np.int32) * factor
    assert difference(read(file_of(Image.fromarray(numbers), "TIFF")), _PIXELS["L"]) <= 1


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("tile", [None, 16])
def test_ycbcr_of_whole_colours(tile: int | None, compression: int, planar: int) -> None:
    luma = np.asarray(picture(*SIZE).convert("YCbCr"))
    kind = Tiff(YCBCR, compression, planar, tile=tile, tags={530: (3, (1, 1))})
    expected = Image.fromarray(luma, "YCbCr").convert("RGB")
    assert difference(read(tiff(luma, kind)), np.asarray(expected)) <= 2


def test_pillows_own_ycbcr() -> None:
    image = picture(*SIZE).convert("YCbCr")
    assert psnr(read(file_of(image, "TIFF")), np.asarray(image.convert("RGB"))) >= 50


@pytest.mark.parametrize("photometric", [CIELAB, ICCLAB])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [1, 2])
def test_lab_is_littlecms(planar: int, bits: int, photometric: int) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    stored = ImageCms.profileToProfile(picture(*SIZE), srgb, lab, outputMode="LAB")
    assert stored is not None
    back = ImageCms.profileToProfile(stored, lab, srgb, outputMode="RGB")
    # Pillow gives a and b as signed bytes, as CIELAB has them; ICC's are counted from -128 on.
    numbers = np.asarray(stored).view(np.int8).astype(np.int64)
    numbers[..., 0] &= 255
    if photometric == ICCLAB:
        numbers[..., 1:] += 128
    if bits == 16:
        light = np.round(numbers[..., :1] / 255 * (65535 if photometric == CIELAB else 65280))
        numbers = np.concatenate([light.astype(np.int64), numbers[..., 1:] * 256], axis=2)
    kind = np.uint8 if bits == 8 else np.uint16
    data = tiff((numbers % 2**bits).astype(kind), Tiff(photometric, planar=planar))
    # LittleCMS takes a short cut for 8 bits: 44 dB from its own floats. With another white it would be 25.
    assert psnr(read(data), np.asarray(back)) >= 43


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("compression", [1, 34925])
def test_cmyk_is_the_same_in_each_storage(compression: int, tile: int | None, planar: int, bits: int) -> None:
    inks = np.asarray(picture(*SIZE).convert("CMYK"))
    numbers = inks if bits == 8 else inks.astype(np.uint16) * 257
    plain = read(tiff(inks, Tiff(CMYK)))
    assert difference(read(tiff(numbers, Tiff(CMYK, compression, planar, tile=tile))), plain) <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("compression", [1, 34925])
def test_palettes(compression: int, bits: int) -> None:
    few = picture(*SIZE).quantize(2**bits)
    colours = np.asarray(few.getpalette("RGB")).reshape(-1, 3)
    colours = np.pad(colours, ((0, 2**bits - len(colours)), (0, 0)))
    table = tuple(int(each) * 257 for each in colours.T.ravel())
    numbers = np.asarray(few)[..., None]
    data = tiff(numbers, Tiff(PALETTE, compression, bits=bits, tags={320: (3, table)}))
    assert difference(read(data), np.asarray(few.convert("RGB"))) == 0


@pytest.mark.parametrize("bits", [8, 12, 16, 32])
@pytest.mark.parametrize("meaning", [1, 2])
def test_alpha_is_kept_and_taken_out_of_colours_that_have_it(meaning: int, bits: int) -> None:
    pixels = _PIXELS["RGBA"].copy()
    pixels[..., 3] |= 128
    stored = pixels.copy()
    if meaning == 1:
        stored[..., :3] = np.round(pixels[..., :3] * (pixels[..., 3:] / 255.0))
    numbers, _ = in_bits(stored, bits)
    if bits > 8:
        numbers = (stored.astype(np.float64) * ((2**bits - 1) / 255)).astype(numbers.dtype)
    got = read(tiff(numbers, Tiff(RGB, extra=(meaning,), bits=bits)))
    assert difference(got, pixels) <= (3 if meaning == 1 else 1)


@pytest.mark.parametrize(
    ("numbers", "kind", "reason"),
    [
        (_PIXELS["L"].astype(np.uint64), Tiff(GRAY), "64 bits, unsigned"),
        (_PIXELS["L"].astype(np.int8), Tiff(GRAY), "8 bits, signed"),
        (_PIXELS["L"].astype(np.int16), Tiff(GRAY), "16 bits, signed"),
        (_PIXELS["RGB"].astype(np.int16), Tiff(RGB), "16 bits, signed"),
        (_PIXELS["L"].astype(np.complex64), Tiff(GRAY), "64 bits, complex"),
        (_PIXELS["RGB"] >> 7, Tiff(RGB, bits=1), "RGB, 3 samples a pixel of 1 bits"),
        (_PIXELS["RGB"][..., :2], Tiff(RGB), "too few samples"),
        (_PIXELS["RGB"], Tiff(GRAY), "no entry says what they mean"),
        (_PIXELS["L"], Tiff(32803), "colours of this kind"),
        (_PIXELS["RGB"], Tiff(34892), "colours of this kind"),
        (_PIXELS["RGB"].astype(np.float32), Tiff(32845), "colours of this kind"),
        (_PIXELS["L"] >> 7, Tiff(4, bits=1), "colours of this kind"),
        (_PIXELS["RGBA"], Tiff(CMYK, tags={332: (3, (2,))}), "inks are not CMYK"),
        (_PIXELS["RGB"], Tiff(RGB, tags={258: (3, (8, 8, 4))}), "different numbers of bits"),
        (_PIXELS["RGB"], Tiff(RGB, tags={339: (3, (1, 1, 2))}), "different kinds"),
        (_PIXELS["RGB"], Tiff(YCBCR, tags={530: (3, (2, 2))}), "its colours are subsampled"),
        (in_bits(_PIXELS["L"], 12)[0], Tiff(GRAY, 8, bits=12, predictor=2), "predictor"),
        (in_bits(_PIXELS["L"], 12)[0], Tiff(GRAY, bits=12, tags={266: (3, (2,))}), "in reverse order"),
    ],
)  # fmt: skip
def test_a_sample_format_without_a_reader_is_refused_with_the_reason(
    numbers: Samples, kind: Tiff, reason: str
) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"{reason}.*save it as RGB or gray"):
        read(tiff(numbers, kind))


@pytest.mark.parametrize(
    "compression", ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "lzma", "jpeg", "webp"]
)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_all_that_pillow_writes_is_what_pillow_reads(mode: str, compression: str) -> None:
    image = picture(*SIZE, "LA" if mode == "LA" else "RGBA" if mode == "RGBA" else "RGB")
    image = (
        Image.fromarray(_PIXELS["L"][..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else image.convert(mode)
    )
    try:
        data = file_of(image, "TIFF", compression=compression)
    except (OSError, RuntimeError, ValueError):
        pytest.skip("Pillow can't write it")
    theirs = Image.open(io.BytesIO(data))
    try:
        got = read(data)
    except UnsupportedFormatError as error:
        assert "is not read" in error.detail or "are not read" in error.detail or "smaller" in error.detail  # noqa: PT017
        return
    if mode == "CMYK":
        assert got.shape[2] == 3  # through a printer's profile
        return
    wide = np.asarray(theirs)
    plain = (
        wide >> 8
        if mode == "I;16"
        else np.asarray(theirs.convert("RGB" if got.shape[2] == 3 else theirs.mode))
    )
    plain = plain * 255 if plain.dtype == bool else plain
    assert psnr(got, plain) >= 40


@pytest.mark.parametrize("bits", [8, 12, 32])
@pytest.mark.parametrize("compression", [1, 8])
def test_a_cut_file_is_truncated_or_salvaged(compression: int, bits: int) -> None:
    numbers, expected = in_bits(_PIXELS["L"], bits)
    data = tiff(numbers, Tiff(GRAY, compression, bits=bits, rows=4))
    # The directory follows the picture; a copy of it goes before the cut, where cameras write it.
    layout = layout_of(data)
    assert layout is not None
    offsets = [int(each) for each in layout.values(273)]
    damaged = bytearray(data)
    _, count, at = layout.entries[273]
    damaged[at + 4 * (count - 1) : at + 4 * count] = len(data).to_bytes(4, "little")
    assert len(offsets) == count
    with pytest.raises(TruncatedError):
        read(bytes(damaged))
    if reader_of(layout) == "sample_formats":
        upper = read(bytes(damaged), lenient=True)[:36]
        assert difference(upper, expected[:36]) <= 1


def test_a_float_with_the_predictor_of_floats() -> None:
    image = Image.fromarray((_PIXELS["L"][..., 0] / 255).astype(np.float32))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[317] = 3
    data = file_of(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo=info)
    assert difference(read(data), _PIXELS["L"]) <= 1


def test_a_later_page_is_read_by_its_own_layout() -> None:
    pages = [
        Image.fromarray(_PIXELS["L"][..., 0]),
        Image.fromarray((_PIXELS["L"][..., 0] / 255).astype(np.float32)),
    ]
    data = file_of(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    for page in (0, 1):
        assert difference(read(data, page=page), _PIXELS["L"]) <= 1


def test_the_metadata_of_such_samples_is_kept() -> None:
    numbers, _ = in_bits(_PIXELS["L"], 12)
    data = tiff(numbers, replace(Tiff(GRAY, bits=12), tags={274: (3, (6,)), 700: (1, b"<x:xmpmeta/>")}))
    header = read_header(data, Limits())
    assert (header.orientation, header.metadata.xmp, header.lazy.bands) == (6, b"<x:xmpmeta/>", 1)


@pytest.mark.parametrize("sides", [(2**31, 1), (1, 2**31), (60_000, 60_000), (2**32 - 1, 2**32 - 1)])
def test_limits_hold_for_sample_formats(sides: tuple[int, int]) -> None:
    numbers, _ = in_bits(_PIXELS["L"], 12)
    width, height = sides
    data = tiff(numbers, Tiff(GRAY, bits=12, tags={256: (4, (width,)), 257: (4, (height,))}))
    with pytest.raises(TooManyPixelsError, match="RAYJOBS_MAX"):
        read_header(data, Limits())


def test_thousands_of_samples_a_pixel_are_refused() -> None:
    numbers, _ = in_bits(_PIXELS["RGB"], 12)
    tags = {277: (3, (5003,)), 338: (3, (0,) * 5000), 258: (3, (12,) * 5003), 339: (3, (1,) * 5003)}
    with pytest.raises(UnsupportedFormatError, match="more than 16 samples"):
        read_header(tiff(numbers, Tiff(RGB, bits=12, tags=tags)), Limits())
