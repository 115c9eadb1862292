"""The store on a file system that all parts share."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from heapq import nsmallest
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from rayjobs.errors import OutputDeniedError, OutputNoSpaceError, StoreUnavailableError
from rayjobs.ports import Store, is_name

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG),
    *(errno.EISDIR, errno.ENOTDIR, errno.ELOOP),  # something else has the name: no later try helps
}
_WRITTEN_INTO = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EISDIR}
"""What deleting ends in where somebody writes into the folder, or makes it, at that moment."""
_TIDIED_AWAY = {errno.ENOENT}
"""What writing ends in where somebody tidies or deletes the folder at that moment."""
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
"""What reading ends in where no blob has the name."""
_TRIES = 100
"""Most times that others get in the way; whoever still does at each of so many does not end."""
_PART = ".part-"
"""Begins the name of a blob that is being written; `names` does not show it."""

_Read = TypeVar("_Read", bytes, BinaryIO)


class FileStore(Store):
    """Blobs as files under one root; a write is a temporary file, an fsync and a rename (or a link, if new).

    The folder is not synced: after a loss of power a blob may be absent, never half there.
    """

    def __init__(self, uri: str, parts: str | None = None) -> None:
        """Take a path or a `file://` URI; raises `StoreUnavailableError` for another scheme.

        Blobs are begun beside their place, or under the prefix `parts`, where another process can find and
        delete what this one left half-done.
        """
        split = urlsplit(uri)
        if len(split.scheme) > 1 and split.scheme != "file":  # one letter is a drive of Windows
            raise StoreUnavailableError(f"RAYJOBS_STORE {uri!r}: only a path or a file:// URI can be a store")
        self.root = Path(unquote(split.path) if split.scheme == "file" else uri).absolute()
        self._parts = None if parts is None else self._path(parts)

    @override
    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with _as_ours(path):
            _despite(_TIDIED_AWAY, lambda: self._place(path, (data,)))

    @override
    def put_new(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        with _as_ours(path):
            part, _ = _parked(self._parts or path.parent, (data,))
            try:
                _link(part, path)
            except FileExistsError:
                return False
            finally:
                part.unlink(missing_ok=True)
        return True

    @override
    def put_stream(self, key: str, chunks: Iterable[bytes]) -> int:
        path = self._path(key)
        with _as_ours(path):
            return self._place(path, chunks)

    @override
    def get(self, key: str) -> bytes | None:
        return self._read(key, Path.read_bytes)

    @override
    def open(self, key: str) -> BinaryIO | None:
        return self._read(key, lambda path: path.open("rb"))

    @override
    def names(self, prefix: str) -> Iterator[str]:
        if not is_name(prefix):
            return
        path = self._path(prefix)
        with _as_ours(path), suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as entries:
            yield from (entry.name for entry in entries if not entry.name.startswith(_PART))

    @override
    def delete(self, prefix: str) -> None:
        if not is_name(prefix):
            return
        path = self._path(prefix)
        with _as_ours(path):
            _despite(_WRITTEN_INTO, lambda: _remove(path))

    @override
    def trim(self, prefix: str, most: int) -> None:
        if not is_name(prefix):
            return
        path = self._path(prefix)
        with _as_ours(path), suppress(FileNotFoundError), os.scandir(path) as entries:
            found = [entry for entry in entries if not entry.name.startswith(_PART)]
            for entry in nsmallest(len(found) - most, found, key=_written_ns):
                Path(entry).unlink(missing_ok=True)

    @override
    def tidy(self, prefix: str, older_than_s: float = 0) -> None:
        if not is_name(prefix):
            return
        path = self._path(prefix)
        with _as_ours(path):
            _clear(path, _PART, older_than_s)

    @override
    def expire(self, prefix: str, older_than_s: float) -> None:
        path = self._path(prefix)
        with _as_ours(path):
            _clear(path, "", older_than_s)

    @override
    def uri(self, key: str) -> str:
        return self._path(key).as_uri()

    def _place(self, path: Path, chunks: Iterable[bytes]) -> int:
        part, size = _parked(self._parts or path.parent, chunks)
        try:
            _move(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return size

    def _read(self, key: str, how: Callable[[Path], _Read]) -> _Read | None:
        if not is_name(key):
            return None
        path = self._path(key)
        with _as_ours(path):
            try:
                return how(path)
            except OSError as error:
                if error.errno in _NOT_THERE:
                    return None
                raise

    def _path(self, key: str) -> Path:
        """Return where a blob stands; raises `OutputDeniedError` if none can be called so."""
        if not is_name(key):
            raise OutputDeniedError(f"{key!r} can't be the name of a blob")
        return self.root.joinpath(*key.split("/"))


def _parked(folder: Path, chunks: Iterable[bytes]) -> tuple[Path, int]:
    """Write into a folder, under a passing name; return that name and the bytes."""
    part = folder / f"{_PART}{uuid.uuid4().hex}"
    try:
        return part, _write(part, chunks)
    except FileNotFoundError:  # first blob of its folder; asking each time would cost more
        folder.mkdir(parents=True, exist_ok=True)
        return part, _write(part, chunks)


def _move(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except FileNotFoundError:  # as above
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)


def _link(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)
    except FileNotFoundError:  # as above
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(part)


def _written_ns(entry: os.DirEntry[str]) -> int:
    """Return when a blob was written; the beginning of time if somebody has just removed it."""
    try:
        return entry.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _despite(others: set[int], do: Callable[[], object]) -> None:
    """Do something again as long as it ends in what others do in the same folder at that moment."""
    for _ in range(_TRIES):
        try:
            do()
        except OSError as error:
            if error.errno not in others:
                raise
        else:
            return
    do()


def _clear(root: Path, begin: str, older_than_s: float) -> None:
    """Remove the files below `root` whose names begin so and that are old; with an age, empty folders too."""
    until_s = time.time() - older_than_s
    for name, _, files in os.walk(root, topdown=False):
        folder = Path(name)
        was_old = bool(older_than_s) and folder != root and _is_older(folder, until_s)
        for file in files:
            if file.startswith(begin) and (not older_than_s or _is_older(folder / file, until_s)):
                (folder / file).unlink(missing_ok=True)
        if was_old:
            try:
                folder.rmdir()
            except OSError as error:
                if error.errno not in _WRITTEN_INTO:
                    raise


def _is_older(path: Path, until_s: float) -> bool:
    """Whether a file, or the list of a folder's files, was written last before `until_s`."""
    try:
        return path.stat().st_mtime < until_s
    except FileNotFoundError:  # somebody has just removed it
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(part: Path, chunks: Iterable[bytes]) -> int:
    size = 0
    with part.open("xb") as file:
        try:
            for chunk in chunks:
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return size


@contextmanager
def _as_ours(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutputNoSpaceError(f"{path.parent}: no space is left") from error
        if error.errno in _DENIED:
            raise OutputDeniedError(f"{path}: {error.strerror}") from error
        raise StoreUnavailableError(f"{path}: {error.strerror or error}") from error
