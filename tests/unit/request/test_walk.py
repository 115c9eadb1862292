"""What a folder's listing gives, tells and leaves out, whatever stands in the folder."""

import itertools
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayjobs.codec import FORMATS, SUFFIXES
from rayjobs.request.walk import MAX_WARNINGS, Remarks, matcher, walk


def listed(folder: Path, pattern: str | None = None, *, hidden: bool = False) -> tuple[list[str], Remarks]:
    remarks = Remarks()
    found = list(walk(str(folder), matcher(pattern), remarks, hidden=hidden))
    return [Path(path).relative_to(folder).as_posix() for path in found], remarks


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_every_format_that_is_read_is_listed_by_all_its_suffixes(tmp_path: Path) -> None:
    asked = {"jfif", "jpe", "hif", "mpo", "pnm", "apng", "dib", "jpf", "j2c"}
    assert asked | {each.extension for each in FORMATS.values()} <= SUFFIXES
    names = sorted(f"x.{suffix}" for suffix in SUFFIXES)
    assert listed(filled(tmp_path, *names, "x.txt", "jpg"))[0] == names
    assert listed(filled(tmp_path / "upper", *map(str.upper, names)))[0] == [name.upper() for name in names]


HIDDEN = ("._IMG_1.jpg", ".DS_Store", "Thumbs.db", "__MACOSX/a.jpg", "a/@eaDir/x.jpg/THUMB.jpg", "a/.b/c.jpg")


@pytest.mark.parametrize("pattern", [None, "**/*"])
def test_what_systems_put_beside_pictures_is_left_out_and_counted(
    tmp_path: Path, pattern: str | None
) -> None:
    names, remarks = listed(filled(tmp_path, *HIDDEN, "good.jpg", "a/good.jpg"), pattern)
    assert names == ["good.jpg", "a/good.jpg"]
    assert remarks.as_json() == {"warnings": [], "left_out": len(HIDDEN)}


def test_what_is_hidden_is_taken_where_it_is_asked_for(tmp_path: Path) -> None:
    names, remarks = listed(filled(tmp_path, *HIDDEN, "good.jpg"), "**/*", hidden=True)
    assert set(names) == {*HIDDEN, "good.jpg"}
    assert remarks.left_out == 0


def test_a_hidden_folder_that_is_named_itself_is_listed(tmp_path: Path) -> None:
    assert listed(filled(tmp_path / ".thumbs", "a.jpg"))[0] == ["a.jpg"]


def test_of_many_warnings_some_are_told_and_the_rest_is_counted(tmp_path: Path) -> None:
    for number in range(MAX_WARNINGS + 7):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9%03d.jpg" % number)).touch()
    names, remarks = listed(tmp_path)
    *first, last = remarks.as_json()["warnings"]
    assert names == []
    assert len(first) == MAX_WARNINGS
    assert first[0]["actual"].endswith(r"/caf\xe9000.jpg")
    assert (last["code"], last["limit"], last["actual"]) == ("too_many", MAX_WARNINGS, MAX_WARNINGS + 7)


def test_a_folder_that_breaks_off_while_it_is_listed_gives_what_it_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, "a.jpg", "sub/b.jpg", "sub/c.jpg", "z/d.jpg")
    real = os.scandir

    class Breaking:
        def __init__(self, path: str) -> None:
            self._entries = real(path)
            self._left = 1 if Path(path).name == "sub" else 100

        def __iter__(self) -> Iterator["os.DirEntry[str]"]:
            yield from itertools.islice(self._entries, self._left)
            if self._left == 1:
                raise OSError(116, "Stale file handle")

        def close(self) -> None:
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Breaking)
    names, remarks = listed(tmp_path)
    assert (names[0], names[-1], len(names)) == ("a.jpg", "z/d.jpg", 3)
    assert "Stale file handle" in remarks.as_json()["warnings"][0]["detail"]


def test_entries_of_one_folder_at_a_time_are_held(tmp_path: Path) -> None:
    filled(tmp_path, "a.jpg", "b/c.jpg")
    found = walk(str(tmp_path), matcher(None), Remarks(), hidden=False)
    assert next(found).endswith("a.jpg")
    filled(tmp_path, "b/d.jpg")  # its folder was not looked into so far
    assert len(list(found)) == 2


def simple(pattern: str) -> "re.Pattern[str]":
    """Return the pattern as the expression that says what it means, whatever time that takes."""
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts), re.DOTALL)


@settings(max_examples=500)
@given(
    st.lists(st.text("ab*?", max_size=5) | st.just("**"), min_size=1, max_size=5).map("/".join),
    st.lists(st.text("ab\n", min_size=1, max_size=5), min_size=1, max_size=5).map("/".join),
)
def test_a_pattern_means_what_its_expression_does(pattern: str, path: str) -> None:
    plain = "/".join(p if p == "**" else re.sub(r"\*+", "*", p) for p in pattern.split("/"))
    assert bool(matcher(pattern)(path)) == bool(simple(plain).fullmatch(path))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 100 + "b", "a" * 250),
        ("**/a/" * 100 + "b", "a/" * 1000 + "c"),
        ("*?" * 120 + "b", "a" * 250),
    ],
)
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    began = time.process_time()
    assert not matcher(pattern)(path)
    assert time.process_time() - began < 1
