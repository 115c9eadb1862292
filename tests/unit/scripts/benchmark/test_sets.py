"""The benchmark's sets: what is in them, and that they are the same every time."""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from rayjobs_cli.benchmark import sets
from rayjobs_cli.benchmark.pictures import LARGE, MEDIUM, SMALL
from rayjobs_cli.benchmark.sets import make_sets, plan

ORIENTATION = 0x0112
TINY_MEDIUM = replace(MEDIUM, shapes=((400, 300),))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def make_tiny(folder: Path, *, seed: int = 1, processes: int = 1) -> dict[str, sets.PictureSet]:
    return make_sets(folder, {TINY_MEDIUM: 4, SMALL: 4}, seed=seed, processes=processes)


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    make_tiny(tmp_path / "one")
    make_tiny(tmp_path / "other")

    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_two_processes_make_what_one_makes(tmp_path: Path) -> None:
    make_tiny(tmp_path / "one")
    make_tiny(tmp_path / "two", processes=2)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_makes_other_pictures(tmp_path: Path) -> None:
    make_tiny(tmp_path / "one", seed=1)
    make_tiny(tmp_path / "other", seed=2)

    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_a_picture_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    make_sets(tmp_path / "few", {SMALL: 2}, processes=1)
    make_sets(tmp_path / "more", {SMALL: 3, TINY_MEDIUM: 0}, processes=1)

    few, more = contents(tmp_path / "few" / "S"), contents(tmp_path / "more" / "S")
    assert len(more) == 3
    assert few.items() <= more.items()


def test_small_pictures_are_about_640_by_480_and_not_turned(tmp_path: Path) -> None:
    small = make_tiny(tmp_path)["S"]

    sizes = []
    for path in sorted(small.folder.iterdir()):
        with Image.open(path) as image:
            sizes.append(image.size)
            assert image.format == "JPEG"
            assert not image.getexif()
    assert sizes == [(640, 480), (640, 480), (640, 427), (480, 640)]
    assert small.pictures == 4
    assert small.size == sum(path.stat().st_size for path in small.folder.iterdir())


def test_every_fourth_medium_picture_is_stored_on_its_side(tmp_path: Path) -> None:
    medium = make_tiny(tmp_path)["M"]

    orientations = []
    for path in sorted(medium.folder.iterdir()):
        with Image.open(path) as image:
            assert image.size == (400, 300)
            orientations.append(image.getexif().get(ORIENTATION))
    assert orientations == [None, None, None, 6]


def test_the_real_medium_set_has_twelve_megapixels_and_the_large_one_its_five_sizes() -> None:
    assert {picture.size for picture in plan(MEDIUM, 60)} == {(4000, 3000)}
    assert sum(picture.turned for picture in plan(MEDIUM, 60)) == 15
    assert [picture.size for picture in plan(LARGE, 5)] == [(3840, 2160)] * 4 + [(14400, 7200)]
    assert not any(picture.turned for picture in [*plan(LARGE, 5), *plan(SMALL, 200)])


def test_a_complete_set_is_kept(tmp_path: Path) -> None:
    made = make_tiny(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}

    kept = make_tiny(tmp_path)

    assert {name: one.made for name, one in made.items()} == {"S": True, "M": True}
    assert {name: one.made for name, one in kept.items()} == {"S": False, "M": False}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")} == before


def test_a_set_that_lacks_a_picture_is_made_anew(tmp_path: Path) -> None:
    lacking = make_tiny(tmp_path)["S"].folder / "S-00001.jpg"
    whole = contents(tmp_path)
    lacking.unlink()

    again = make_tiny(tmp_path)

    assert {name: one.made for name, one in again.items()} == {"S": True, "M": False}
    assert contents(tmp_path) == whole


def test_a_smaller_set_loses_its_surplus_and_no_other_file(tmp_path: Path) -> None:
    make_sets(tmp_path, {SMALL: 3}, processes=1)
    (tmp_path / "S" / "holiday.jpg").touch()

    small = make_sets(tmp_path, {SMALL: 2}, processes=1)["S"]

    assert small.pictures == 2
    assert sorted(path.name for path in small.folder.iterdir()) == [
        "S-00000.jpg",
        "S-00001.jpg",
        "holiday.jpg",
    ]


def test_progress_counts_up_to_every_picture(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    make_sets(
        tmp_path,
        {TINY_MEDIUM: 1, SMALL: 2},
        processes=1,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(1, 3), (2, 3), (3, 3)]
