"""Whole renderings, with the decoder, against Pillow with a full decode."""

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import render
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import PHOTOGRAPHS, SAMPLES, decibels, file_of, opened, picture

PNG = Encoding(format="png", compression=1)


def upright(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(opened(data)).convert("RGB")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_heavy_chain_is_pillows(name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    raw = [
        {"name": "resize", "width": 2048, "height": 2048},
        {"name": "blur", "radius": 5.0},
        {"name": "sharpen", "factor": 2.0},
        {"name": "edges"},
    ]
    ours = opened(render(data, parse_pipeline(raw), PNG, Limits()).data)
    soft = upright(data).resize((2048, 2048), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(5))
    theirs = ImageEnhance.Sharpness(soft).enhance(2.0).filter(ImageFilter.FIND_EDGES)
    # Sharpening and edges multiply each rounding of the blur by up to 16; measured 42.5 at worst. The
    # frame, which neither filters, is left out.
    assert decibels(ours, theirs, frame=2) >= 41


@pytest.mark.parametrize("size", [100, 256, 400, 512])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_thumbnail_by_a_scaled_decode_is_one_by_a_full_decode(name: str, size: int) -> None:
    data = (SAMPLES / name).read_bytes()
    ours = opened(render(data, parse_pipeline([{"name": "thumbnail", "size": size}]), PNG, Limits()).data)
    image = upright(data)
    theirs = image.resize(ours.size, Image.Resampling.LANCZOS)
    # Measured 46.4 at worst, for a larger photograph; a shift by a third of a pixel would give 32.
    assert decibels(ours, theirs) >= 45


@pytest.mark.parametrize("quality", [30, 85, 97])
def test_the_encoder_is_as_good_as_pillows(quality: int) -> None:
    image = picture(640, 480)
    ours = render(file_of(image), parse_pipeline([]), Encoding(quality=quality), Limits()).data
    theirs = file_of(image, "JPEG", quality=quality)
    # The two encoders round their DCT differently; neither may be nearer to the picture, or larger, by more
    # than a trifle.
    assert decibels(opened(ours), image) >= decibels(opened(theirs), image) - 0.2
    assert len(ours) <= len(theirs) * 1.02
