"""What analyses find, against the packages that gave them their names, and on plain pictures."""

import hashlib
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rayjobs.filters import CATALOGUE
from rayjobs.filters.base import Analysis, Scene
from tests.support.pictures import SAMPLES, file_of, opened, picture, vips


def found(image: Image.Image, name: str, **parameters: Any) -> Any:
    analysis = CATALOGUE[name].model_validate({"name": name, **parameters})
    assert isinstance(analysis, Analysis)
    scene = Scene()
    analysis.run(vips(image), scene)
    return scene.findings[analysis.answers_to]


def sample(name: str) -> Image.Image:
    return opened((SAMPLES / name).read_bytes())


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


# By ImageHash 4.3.2 on Pillow 10.4.
KNOWN_HASHES = {
    "brushes_640x480.jpg": ("948b4a64d187a7f9", "60e0eafa94c4c4cc", "3c3c3e2e46660644"),
    "mountains.webp": ("a0e2583d3f4f87e0", "a097c56fbe7edcc6", "f8ff773307070000"),
    "stream_gray.jpg": ("d6715b84d2364793", "88994c2ce8e66474", "4448a6f77f32363c"),
}


@pytest.mark.parametrize("name", KNOWN_HASHES)
def test_hashes_are_those_of_imagehash(name: str) -> None:
    phash, dhash, ahash = KNOWN_HASHES[name]
    image = sample(name)
    assert found(image, "phash") == phash
    # Two neighbours that are next to equal may change places under another Lanczos.
    assert distance(found(image, "dhash"), dhash) <= 3
    assert distance(found(image, "ahash"), ahash) <= 1


@pytest.mark.parametrize("name", ["phash", "dhash", "ahash"])
def test_hashes_bear_scaling_and_compression_and_tell_pictures_apart(name: str) -> None:
    image, other = sample("mountains.webp"), sample("brushes_640x480.jpg")
    small = opened(file_of(image.resize((300, 225)), "JPEG", quality=40))
    assert distance(found(image, name), found(small, name)) <= 4
    assert distance(found(image, name), found(other, name)) > 16


# By blurhash-python 1.2.2 and thumbhash-python 1.0.1, of thumbnails by Pillow.
@pytest.mark.parametrize(
    ("name", "blurhash", "thumbhash"),
    [
        ("mountains.webp", "LbDcdua~s:M{yGxun~WBNMxuayoz", "2vcJNYZ2VHeveHemh2iWdoiAhQhX"),
        ("stream_gray.jpg", "L8Ci~;t79FxuWBof-;xu00j[j[t7", "GQgGBYAoOZqInEaAl4l3iwAAAAAA"),
        ("fig_alpha.png", None, "0hqHFIIqH8V+lURN1/emnE9cgIWIB1d3BQ=="),
    ],
)
def test_placeholders_are_those_of_their_packages(name: str, blurhash: str | None, thumbhash: str) -> None:
    assert found(sample(name), "thumbhash") == thumbhash
    if blurhash:
        assert found(sample(name), "blurhash") == blurhash


@pytest.mark.parametrize(("across", "down"), [(1, 1), (9, 9), (4, 3)])
def test_a_blurhash_is_as_long_as_its_waves_need(across: int, down: int) -> None:
    assert len(found(picture(50, 40), "blurhash", across=across, down=down)) == 4 + 2 * across * down


def test_a_palette_names_the_colours_of_a_flag_and_their_shares() -> None:
    flag = Image.new("RGB", (100, 100), "#ffffff")
    flag.paste("#cc0000", (0, 0, 50, 100))
    flag.paste("#0000cc", (50, 0, 75, 100))
    shares = {each["colour"]: each["share"] for each in found(flag, "palette", count=3)}
    assert shares == {"#cc0000": 0.5, "#0000cc": 0.25, "#ffffff": 0.25}


def test_a_palette_leaves_out_what_is_transparent() -> None:
    half = Image.new("RGBA", (20, 20), (0, 255, 0, 0))
    half.paste((200, 0, 0, 255), (0, 0, 10, 20))
    assert found(half, "palette") == [{"colour": "#c80000", "share": 1.0}]
    assert found(Image.new("RGBA", (5, 5)), "palette") == []


def test_a_blurred_picture_is_told_from_a_sharp_one() -> None:
    sharp = sample("brushes_640x480.jpg")
    soft = sharp.resize((80, 60)).resize(sharp.size, Image.Resampling.BICUBIC)
    assert not found(sharp, "blur_score")["blurred"]
    assert found(soft, "blur_score")["blurred"]
    assert found(sharp, "blur_score", threshold=100_000)["blurred"]


def test_statistics_are_numpys() -> None:
    image = picture(40, 30)
    values = np.asarray(image, dtype=float)
    told = found(image, "statistics")
    for index, band in enumerate(("red", "green", "blue")):
        assert told[band]["least"] == values[..., index].min()
        assert told[band]["mean"] == pytest.approx(values[..., index].mean(), abs=1e-3)
        assert told[band]["deviation"] == pytest.approx(values[..., index].std(), abs=1e-3)


def test_a_histogram_counts_in_sixteen_steps() -> None:
    steps = found(Image.frombytes("L", (256, 1), bytes(range(256))), "histogram")
    assert steps == [1 / 16] * 16


def test_a_content_hash_depends_on_pixels_and_shape() -> None:
    flat, tall = Image.new("L", (6, 2), 7), Image.new("L", (2, 6), 7)
    assert found(flat, "content_hash") != found(tall, "content_hash")
    assert found(flat, "content_hash") == found(flat.copy(), "content_hash")
    high = picture(20, 600)
    expected = hashlib.sha256(struct.pack("<3I", 20, 600, 3) + high.tobytes()).hexdigest()
    assert found(high, "content_hash") == expected


def test_an_answer_stands_under_the_key_that_was_asked_for() -> None:
    assert found(picture(9, 9), "ahash", key="before") == found(picture(9, 9), "ahash")
