"""Filters that Pillow lacks, against ImageMagick's; other tests hold their exact values."""

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.oracle import filtered, kind
from tests.support.pictures import decibels, file_of, picture


def _version(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        return ""
    return subprocess.run([path, "-version"], capture_output=True, encoding="utf-8", check=False).stdout


pytestmark = pytest.mark.skipif(
    not re.match(r"Version: ImageMagick \d", _version("convert")), reason="there is no ImageMagick here"
)


def convert(image: Image.Image, *options: str) -> Image.Image:
    """Return what ImageMagick makes of a picture."""
    command = ["convert", "png:-", *options, "png32:-" if "A" in image.mode else "png24:-"]
    done = subprocess.run(command, input=file_of(image), capture_output=True, check=True)
    made = Image.open(BytesIO(done.stdout))
    return made.convert(image.mode)


@pytest.mark.parametrize("modes", [("RGB", "RGB"), ("RGB", "RGBA"), ("RGBA", "RGBA")], ids=" under ".join)
@pytest.mark.parametrize(
    ("blend", "theirs"),
    [
        ("colour-dodge", "ColorDodge"),
        ("colour-burn", "ColorBurn"),
        ("soft-light", "SoftLight"),
        ("exclusion", "Exclusion"),
        ("screen", "Screen"),
        ("hard-light", "HardLight"),
    ],
)
def test_blends_are_imagemagicks(blend: str, theirs: str, modes: tuple[str, str], tmp_path: Path) -> None:
    below, above = picture(64, 48, modes[0]), picture(64, 48, modes[1], seed=2)
    above.save(tmp_path / "above.png")
    ours = filtered(below, "composite", above, picture="sample:a.png", blend=blend)
    expected = convert(below, "-alpha", "set", str(tmp_path / "above.png"), "-compose", theirs, "-composite")
    # Both round transparent colours once more.
    assert decibels(ours, expected) >= (60 if modes == ("RGB", "RGB") else 50)


@pytest.mark.parametrize(
    ("ours", "parameters", "options"),
    [
        (
            "channel_mixer",
            {"red": [0.2, 0.7, 0.1], "green": [-0.5, 1.5, 0], "blue": [0, 0.5, 0.5]},
            ["-color-matrix", "0.2 0.7 0.1 -0.5 1.5 0 0 0.5 0.5"],
        ),
        ("trim", {"threshold": 10}, ["-fuzz", "3.95%", "-trim", "+repage"]),
        ("levels", {"black": 20, "white": 220, "gamma": 1.4}, ["-level", "7.8431%,86.2745%,1.4"]),
    ],
)
@pytest.mark.parametrize("name", ["photograph", "line art"])
def test_a_filter_is_imagemagicks(
    name: str, ours: str, parameters: dict[str, Any], options: list[str]
) -> None:
    image = kind(name)
    expected = convert(image, *options)
    # ImageMagick rounds 16 bits to 8, rayjobs rounds floats: some values differ by one.
    assert decibels(filtered(image, ours, **parameters), expected) >= 50
