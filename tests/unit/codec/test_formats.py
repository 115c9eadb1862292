"""The pixels of the rarer formats, depths and pages."""

import io
import subprocess
import sys

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from rayjobs.codec import Encoding, Limits, Reading, decode, encode, read_header
from rayjobs.errors import DecodeFailedError, UnsupportedFormatError
from tests.support.heic import HEIC
from tests.support.pictures import array, decibels, file_of, opened, picture, vips


def read(data: bytes, **reading: object) -> pyvips.Image:
    header = read_header(data, Limits(), Reading.model_validate(reading))
    return decode(data, header, None, streamed=False)


@pytest.mark.parametrize(
    ("name", "ours", "options", "floor"),
    [
        ("AVIF", "avif", {"quality": 90, "subsampling": "4:4:4"}, 38),
        ("JPEG2000", "jp2", {}, 99),
        ("JPEG2000", "jp2", {"no_jp2": True}, 99),
        ("PPM", "ppm", {}, 99),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_format_is_read_as_its_own(
    name: str, ours: str, options: dict[str, object], floor: float, mode: str
) -> None:
    if (name, mode) == ("PPM", "RGBA"):
        pytest.skip("PPM has no alpha")
    image = picture(61, 47, mode)
    data = file_of(image, name, **options)
    header = read_header(data, Limits())
    assert (header.format.name, header.size, header.orientation) == (ours, (61, 47), 1)
    pixels = read(data)
    assert pixels.hasalpha() == (mode == "RGBA")
    same = image.convert("RGB") if pixels.bands == 3 else image
    assert decibels(pixels, same) >= floor


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
def test_jpeg_xl_is_read(mode: str, *, lossless: bool) -> None:
    image = picture(61, 47, mode)
    data = encode(vips(image), Encoding(format="jxl", lossless=lossless)).data
    header = read_header(data, Limits())
    assert (header.format.name, header.size) == ("jxl", (61, 47))
    pixels = read(data)
    assert pixels.bands == len(image.getbands())
    if lossless:
        assert np.array_equal(array(pixels), array(image))


@pytest.mark.parametrize(
    "size", [(1, 1), (8, 8), (256, 8), (640, 480), (1000, 3), (3, 1000), (1920, 1080), (600, 9000)]
)
def test_the_size_of_a_jpeg_xl_is_read_from_its_first_bits(size: tuple[int, int]) -> None:
    data = encode(pyvips.Image.black(*size), Encoding(format="jxl", effort=1)).data
    assert read_header(data, Limits()).size == size


def test_heic_is_read_and_turned_by_its_decoder() -> None:
    for name, data in HEIC.items():
        header = read_header(data, Limits())
        assert (header.format.name, header.orientation) == ("heic", 1)
        assert header.size == ((48, 64) if name == "turned" else (64, 48))
        pixels = array(read(data))
        assert pixels.shape[2] == {"alpha": 4, "gray": 1}.get(name, 3)
        corner = pixels[2, -3] if name != "turned" else pixels[-3, -3]
        if name != "gray":
            assert corner[0] > 230
            assert corner[1] < 25


@pytest.mark.parametrize("name", HEIC)
def test_the_pixels_of_a_heic_outlive_its_decoder(name: str) -> None:
    header = read_header(HEIC[name], Limits())
    expected = array(decode(HEIC[name], header, None, streamed=False))
    for _ in range(50):
        image = read(HEIC[name])
        others = [np.full(image.width * image.height * bands, 7, np.uint8) for bands in (1, 3, 4)]
        assert np.array_equal(array(image), expected)
        del others


@pytest.mark.parametrize("name", ["heic", "avif"])
def test_the_brand_distinguishes_avif_from_heic(name: str) -> None:
    data = HEIC["plain"] if name == "heic" else file_of(picture(20, 20), "AVIF")
    head = bytearray(data)
    head[8:12] = b"mif1"
    assert read_header(bytes(head), Limits()).format.name == name


@pytest.mark.parametrize("data", [b"P2 2 2 15 0 15 15 0", b"P5 2 2 255\n\x00\xff\xff\x00"])
def test_a_gray_ppm_as_text_or_binary(data: bytes) -> None:
    assert array(read(data))[..., 0].tolist() == [[0, 255], [255, 0]]


def test_16_bits_become_8_in_every_format_that_has_them() -> None:
    wide = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    for name in ("PNG", "TIFF", "PPM", "JPEG2000"):
        pixels = read(file_of(Image.fromarray(wide), name))
        assert pixels.format == "uchar"
        assert np.abs(array(pixels)[..., 0].astype(int) - (wide >> 8)).max() <= 1, name


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_png_of_few_bits_is_spread_over_the_range(bits: int) -> None:
    data = vips(picture(61, 47, "L")).pngsave_buffer(bitdepth=bits)
    values = np.unique(array(read(data)))
    steps = np.arange(2**bits) * (255 // (2**bits - 1))
    assert set(values.tolist()) <= set(steps.tolist())


def test_an_interlaced_png_is_the_same_picture() -> None:
    image = picture(61, 47)
    assert decibels(read(vips(image).pngsave_buffer(interlace=True)), image) == 99


def test_an_animated_png_shows_its_first_frame() -> None:
    first, second = picture(40, 30, seed=1), picture(40, 30, seed=2)
    assert decibels(read(file_of(first, "PNG", save_all=True, append_images=[second])), first) == 99


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP"])
def test_a_page_is_read_by_its_number(name: str) -> None:
    pages = [picture(40, 30, seed=seed) for seed in range(3)]
    data = file_of(
        pages[0],
        name,
        save_all=True,
        append_images=pages[1:],
        **({"lossless": True} if name == "WEBP" else {}),
    )
    for number, page in enumerate(pages):
        assert decibels(read(data, page=number).extract_band(0, n=3), page) > 20
    with pytest.raises(DecodeFailedError, match="page 3 was requested") as caught:
        read(data, page=3)
    assert (caught.value.limit, caught.value.actual) == (2, 3)


def test_pages_may_differ_in_size() -> None:
    data = file_of(picture(40, 30), "TIFF", save_all=True, append_images=[picture(20, 50)])
    assert read_header(data, Limits(), Reading(page=1)).size == (20, 50)


def test_a_format_of_one_page_has_no_second() -> None:
    for data in (file_of(picture(9, 9), "JPEG"), file_of(picture(9, 9), "BMP")):
        with pytest.raises(DecodeFailedError, match="has 1"):
            read(data, page=1)


def test_cmyk_with_a_profile_of_another_space_still_becomes_rgb() -> None:
    image = picture(61, 47).convert("CMYK")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("JPEG", "TIFF"):
        pixels = read(file_of(image, name, icc_profile=srgb))
        assert (pixels.bands, pixels.interpretation) == (3, "srgb")


def test_colours_are_kept_with_their_profile_on_demand() -> None:
    wide = vips(picture(61, 47)).icc_transform("p3", input_profile="srgb")
    for data in (wide.pngsave_buffer(), wide.tiffsave_buffer()):
        assert np.array_equal(array(read(data, profile="keep")), array(wide))
        assert not np.array_equal(array(read(data)), array(wide))


@pytest.mark.parametrize("loader", ["svgload_buffer", "csvload", "rawload", "vipsload", "uhdrload_buffer"])
def test_libvips_itself_refuses_loaders_that_are_not_on_the_list(loader: str) -> None:
    arguments = (9, 9, 3) if loader == "rawload" else ()
    source = b"<svg xmlns='http://www.w3.org/2000/svg'/>" if loader.endswith("buffer") else __file__
    with pytest.raises(pyvips.Error, match="blocked"):
        getattr(pyvips.Image, loader)(source, *arguments)


def test_libvips_picks_no_loader_by_itself_for_an_svg() -> None:
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "")
    with pytest.raises(UnsupportedFormatError):
        read(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")


def test_rare_decoders_are_loaded_when_they_are_needed() -> None:
    code = "import sys, rayjobs.engine.rendering; print({'pi_heif', 'pillow_jxl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "set()"


def test_pillow_reads_a_file_by_the_plugin_of_its_format_alone() -> None:
    png = file_of(picture(9, 9))
    with pytest.raises(DecodeFailedError):
        read(b"P6 \n" + png)
    assert opened(png).size == Image.open(io.BytesIO(png)).size
