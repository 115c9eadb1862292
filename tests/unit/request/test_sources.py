"""Listing and reading sources, within the roots and limits."""

import os
from pathlib import Path

import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.errors import SourceForbiddenError, SourceNotFoundError, SourceTooLargeError
from rayjobs.model.item import Item
from rayjobs.request.sources import Sources
from rayjobs.request.spec import FolderSource, SamplesSource
from rayjobs.settings import Settings


@pytest.fixture
def sources(farm_settings: Settings, tmp_path: Path) -> Sources:
    settings = farm_settings.model_copy(update={"max_source_bytes": 5000})
    return Sources(settings, FileStore(str(tmp_path / "store")))


def listed(sources: Sources, folder: Path, pattern: str | None = None) -> list[str]:
    source = FolderSource(type="folder", path=str(folder), pattern=pattern)
    return [Path(item.source).relative_to(folder).as_posix() for item in sources.items(source)]


def test_a_folder_is_listed_in_order_its_own_files_first(sources: Sources, pictures: Path) -> None:
    for name in ("b/2.jpg", "b/1.JPG", "a/x.png", "a/notes.txt", "c.jpg"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_bytes(b"x")
    expected = ["c.jpg", *(f"p{i:02d}.jpg" for i in range(12)), "a/x.png", "b/1.JPG", "b/2.jpg"]
    assert listed(sources, pictures) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["p.jpg"]),
        ("**/*.jpg", ["p.jpg", "a/q.jpg", "a/b/r.jpg"]),
        ("a/*", ["a/q.jpg", "a/s.txt"]),
        ("**/b/?.jpg", ["a/b/r.jpg"]),
        ("[p].jpg", []),
        ("**/*", ["p.jpg", "a/q.jpg", "a/s.txt", "a/b/r.jpg"]),
    ],
)
def test_a_pattern_takes(sources: Sources, pictures: Path, pattern: str, expected: list[str]) -> None:
    folder = pictures / "tree"
    for name in ("p.jpg", "a/q.jpg", "a/s.txt", "a/b/r.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert listed(sources, folder, pattern) == expected


def test_links_to_folders_are_not_followed_so_that_no_listing_goes_in_circles(
    sources: Sources, pictures: Path
) -> None:
    (pictures / "loop").symlink_to(pictures, target_is_directory=True)
    assert len(listed(sources, pictures)) == 12


def test_a_folder_that_is_a_link_out_of_the_roots_is_refused(
    sources: Sources, pictures: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (pictures / "link").symlink_to(outside, target_is_directory=True)
    with pytest.raises(SourceForbiddenError, match="RAYJOBS_ROOTS"):
        listed(sources, pictures / "link")


def test_a_missing_folder_is_said_so(sources: Sources, pictures: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="none does not exist"):
        listed(sources, pictures / "none")


def test_samples_cycle_over_the_shipped_pictures(sources: Sources) -> None:
    names = sources.samples()
    assert "sample_4k.jpg" in names
    assert "SOURCES.md" not in names
    items = list(sources.items(SamplesSource(type="samples", count=len(names) + 1)))
    assert items[-1] == Item(len(names), items[0].source)


def test_a_picture_is_read_whole(sources: Sources, pictures: Path) -> None:
    path = pictures / "p00.jpg"
    assert sources.read(Item(0, str(path))) == path.read_bytes()


def test_a_missing_file_and_a_folder_are_told_apart(sources: Sources, pictures: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="does not exist"):
        sources.read(Item(0, str(pictures / "none.jpg")))
    with pytest.raises(SourceNotFoundError, match="is a folder"):
        sources.read(Item(0, str(pictures)))


def test_a_link_out_of_the_roots_is_not_read(sources: Sources, pictures: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (pictures / "innocent.jpg").symlink_to(secret)
    with pytest.raises(SourceForbiddenError, match="not under an allowed root"):
        sources.read(Item(0, str(pictures / "innocent.jpg")))


def test_a_path_outside_of_the_roots_tells_nothing_of_what_is_there(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(SourceForbiddenError):
        sources.read(Item(0, str(tmp_path / "nothing-here.jpg")))


def test_a_file_over_the_limit_is_not_read(sources: Sources, pictures: Path) -> None:
    (pictures / "big.jpg").write_bytes(os.urandom(5001))
    with pytest.raises(SourceTooLargeError, match="MAX_SOURCE_BYTES") as caught:
        sources.read(Item(0, str(pictures / "big.jpg")))
    assert (caught.value.limit, caught.value.actual) == (5000, 5001)


def test_a_sample_is_only_ever_one_of_the_samples(sources: Sources) -> None:
    with pytest.raises(SourceNotFoundError):
        sources.read(Item(0, "sample:../../pyproject.toml"))
