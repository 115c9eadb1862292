"""The sample pictures are what their table of sources says."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageOps

SAMPLES = Path(__file__).resolve().parents[3] / "images" / "samples"
ORIENTATION = 0x0112
FREE_LICENCES = {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0"}
FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


@dataclass(frozen=True)
class Row:
    file: str
    size: tuple[int, int]
    weight: int
    author: str
    licence: str


def rows() -> list[Row]:
    found = []
    for line in (SAMPLES / "SOURCES.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if named := re.fullmatch(r"`(\S+\.(?:jpg|png|webp))`", cells[0]):
            width, height = cells[1].split("x")
            found.append(
                Row(named[1], (int(width), int(height)), int(cells[2]), cells[4], cells[5].strip("[]"))
            )
    return found


every_sample = pytest.mark.parametrize("row", rows(), ids=lambda row: row.file)


@every_sample
def test_a_sample_decodes_and_has_the_size_and_weight_of_its_row(row: Row) -> None:
    path = SAMPLES / row.file

    assert path.stat().st_size == row.weight
    with Image.open(path) as image:
        image.load()
        assert image.size == row.size
        assert image.format == FORMATS[path.suffix]


@every_sample
def test_a_sample_has_an_author_and_a_licence_that_lets_it_be_changed_and_passed_on(row: Row) -> None:
    assert row.author
    assert row.licence in FREE_LICENCES


@every_sample
def test_a_sample_tells_nothing_about_a_person_or_a_place(row: Row) -> None:
    with Image.open(SAMPLES / row.file) as image:
        image.load()
        assert set(image.getexif()) <= {ORIENTATION}
        assert not {"xmp", "photoshop", "comment", "XML:com.adobe.xmp"} & set(image.info)


def test_every_sample_has_a_row_and_every_row_a_sample() -> None:
    files = sorted(path.name for path in SAMPLES.iterdir() if path.name != "SOURCES.md")

    assert sorted(row.file for row in rows()) == files


def test_the_samples_together_stay_light_enough_for_a_clone() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 30_000_000


def test_the_samples_show_each_kind_that_a_user_brings() -> None:
    with Image.open(SAMPLES / "sample_4k.jpg") as image:
        assert image.size == (3840, 2160)
    with Image.open(SAMPLES / "stream_gray.jpg") as image:
        assert image.mode == "L"
    with Image.open(SAMPLES / "fig_alpha.png") as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 255)
    assert (SAMPLES / "sample_large.jpg").stat().st_size >= 18_000_000


def test_the_turned_sample_stands_upright_once_its_orientation_is_applied() -> None:
    with Image.open(SAMPLES / "dogs_orientation6.jpg") as image:
        assert image.getexif()[ORIENTATION] == 6
        assert image.width > image.height
        upright = ImageOps.exif_transpose(image)
        assert upright.size == (image.height, image.width)
