"""Reading what calls itself a file: nothing is waited for, and never more is read than the limit says."""

import os
import stat
import sys
from pathlib import Path
from typing import Self

import pytest

from rayjobs import plain_file
from rayjobs.errors import SourceForbiddenError, SourceNotFoundError, SourceTooLargeError
from rayjobs.plain_file import read_file

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    assert read_file(str(tmp_path / "x"), 10) == b"0123456789"
    with pytest.raises(SourceTooLargeError) as caught:
        read_file(str(tmp_path / "x"), 9)
    assert (caught.value.limit, caught.value.actual) == (9, 10)


@on_unix
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to a device"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("/dev/urandom")
    with pytest.raises(SourceForbiddenError, match="not a picture"):
        read_file(str(path), 100)


@on_unix
def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "x")
    real, seen = plain_file._check_kind, []

    def first_a_file(status: os.stat_result, path: str) -> None:
        seen.append(path)
        if len(seen) > 1:
            real(status, path)

    monkeypatch.setattr(plain_file, "_check_kind", first_a_file)
    with pytest.raises(SourceForbiddenError, match="is a pipe"):
        read_file(str(tmp_path / "x"), 100)


def test_a_folder_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="is a folder"):
        read_file(str(tmp_path), 100)


@on_unix
@pytest.mark.parametrize(
    ("said", "limit", "fits"), [(0, 100, True), (3, 100, True), (3, 9, False), (0, 9, False)]
)
def test_what_a_file_says_of_its_size_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: int, limit: int, *, fits: bool
) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    real = os.fstat

    def lying(descriptor: int) -> os.stat_result:
        fields = list(real(descriptor))
        fields[stat.ST_SIZE] = said
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", lying)
    if fits:
        assert read_file(str(tmp_path / "x"), limit) == b"0123456789"
    else:
        with pytest.raises(SourceTooLargeError) as caught:
            read_file(str(tmp_path / "x"), limit)
        assert caught.value.actual == limit + 1


def test_a_file_that_grows_without_end_is_read_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    monkeypatch.setattr(plain_file, "_PIECE", 10)

    real = os.fdopen

    class Growing:
        def __init__(self, *given: object) -> None:
            self._file = real(*given)  # type: ignore[call-overload]  # passed on as they came

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def fileno(self) -> int:
            return int(self._file.fileno())

        def read(self, size: int) -> bytes:
            with path.open("ab") as more:
                more.write(b"y" * 100)
            return bytes(self._file.read(size))

    monkeypatch.setattr(os, "fdopen", Growing)
    with pytest.raises(SourceTooLargeError) as caught:
        read_file(str(path), 50)
    assert caught.value.actual == 51
