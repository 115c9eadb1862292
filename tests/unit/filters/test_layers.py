"""Text, redaction and canvases: what is refused, and what must not be seen."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from rayjobs.errors import FilterFailedError
from rayjobs.filters import CATALOGUE
from rayjobs.filters.base import Scene
from rayjobs.filters.cropping import SmartCrop
from rayjobs.filters.frame import Shadow
from rayjobs.filters.privacy import Redact
from rayjobs.filters.text import Text
from tests.support.pictures import array, picture, tiny, vips

ROOT = Path(__file__).resolve().parents[3]


def redact(*area: float, **parameters: Any) -> Redact:
    left, top, width, height = area
    areas = [{"left": left, "top": top, "width": width, "height": height}]
    return Redact.model_validate({"areas": areas, **parameters})


@pytest.mark.parametrize("by", ["fill", "pixelate", "blur"])
def test_of_a_redacted_area_no_detail_is_left_and_nothing_else_changes(by: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    before = noise.copy()
    after = array(redact(25, 25, 50, 50, by=by).apply(vips(Image.fromarray(noise))))
    inside = np.s_[15:45, 15:45]
    assert after[inside].std() < noise[inside].std() / 3
    before[inside] = after[inside]
    assert np.array_equal(before, after)


def test_an_area_covers_each_pixel_that_it_touches() -> None:
    after = array(redact(10.1, 0, 9.9, 100).apply(tiny([[200] * 10] * 2)))[..., 0]
    assert after.tolist() == [[200, 0] + [200] * 8] * 2


def test_an_area_that_overhangs_is_cut_and_one_outside_fails_the_item() -> None:
    assert (array(redact(50, 0, 100, 100).apply(tiny([[200] * 4])))[0, 2:, 0] == 0).all()
    with pytest.raises(FilterFailedError, match="outside") as caught:
        redact(100, 0, 10, 10).apply(tiny([[200] * 4]))
    assert caught.value.limit == 100


@pytest.mark.parametrize(
    "text", ["<b>bold</b> & <i>", "a < b", "&amp;", "über ß", "two\nlines", "漢字", "%s {x}"]
)
def test_any_text_is_written_as_it_stands(text: str) -> None:
    image = array(Text(text=text, size=20).apply(vips(Image.new("RGB", (200, 90)))))
    assert image.max() > 200


def rows_with_ink(image: Image.Image, **parameters: Any) -> set[int]:
    text = Text.model_validate({"text": "many words in a row", "size": 20, "gravity": "north"} | parameters)
    return set(np.nonzero(array(text.apply(vips(image)))[..., 0] > 128)[0].tolist())


def test_a_long_text_is_broken_at_the_pictures_width() -> None:
    black = Image.new("RGB", (120, 300))
    assert max(rows_with_ink(black)) > 60
    assert max(rows_with_ink(black, wrap=False)) < 60


@pytest.mark.parametrize("scale", [0.25, 0.8])
def test_a_text_may_take_a_part_of_the_width(scale: float) -> None:
    lit = array(Text(text="wide", scale=scale, margin=0).apply(vips(Image.new("RGB", (400, 200))))) > 60
    assert np.ptp(np.nonzero(lit)[1]) / 400 == pytest.approx(scale, abs=0.03)


def test_text_needs_no_font_on_the_machine(tmp_path: Path) -> None:
    (tmp_path / "fonts.conf").write_text("<fontconfig></fontconfig>", encoding="utf-8")
    code = (
        "from rayjobs.filters.text import Text\n"
        "import pyvips\n"
        "black = pyvips.Image.black(300, 80, bands=3).copy(interpretation='srgb')\n"
        "print(Text(text='no fonts', size=40).apply(black).avg())\n"
    )
    environment = {**os.environ, "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"), "PYTHONPATH": str(ROOT)}
    bare = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    here = Text(text="no fonts", size=40).apply(vips(Image.new("RGB", (300, 80)))).avg()
    # How letters are fitted to pixels is the machine's own setting: 4 % of the ink.
    assert float(bare.stdout) == pytest.approx(here, rel=0.06)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("pad", {"left": 16384}),
        ("border", {"width": 2000}),
        ("extend_aspect", {"width": 10000, "height": 1}),
        ("tile", {"across": 100}),
        ("shadow", {"blur": 150}),
        ("rotate", {"angle": 45}),
    ],
)
def test_a_result_beyond_the_longest_side_is_refused_before_it_is_made(
    name: str, parameters: dict[str, Any]
) -> None:
    huge = pyvips.Image.black(16384, 16000).copy(interpretation="b-w")  # made only where it is looked at
    filter_ = CATALOGUE[name].model_validate({"name": name, **parameters})
    with pytest.raises(FilterFailedError, match=f"{name}: ") as caught:
        filter_.run(huge, Scene())
    assert caught.value.limit == 16384


@pytest.mark.parametrize("by", ["attention", "entropy"])
def test_a_smart_crop_keeps_what_draws_the_eye(by: Any) -> None:
    dull = Image.new("RGB", (600, 200), (90, 100, 95))
    dull.paste(picture(120, 120).point(lambda value: 255 - value), (440, 40))
    kept = array(SmartCrop(width=200, height=200, by=by).apply(vips(dull)))
    assert kept.shape == (200, 200, 3)
    assert (np.abs(kept.astype(int) - (90, 100, 95)).max(axis=2) > 20).mean() > 0.25


def test_a_shadow_lies_where_it_is_thrown() -> None:
    alpha = array(Shadow(blur=0, right=5, down=3, opacity=1).apply(vips(Image.new("RGB", (10, 8), "white"))))
    assert alpha.shape == (11, 15, 4)
    assert (alpha[:8, :10, 0] == 255).all()
    assert (alpha[3:, 5:, 3] == 255).all()
    assert (alpha[8:, :5, 3] == 0).all()
