"""Reading a file of which nothing is known: it may be no file, have no end, or grow while it is read."""

import os
import stat
from pathlib import Path

from rayjobs.errors import ItemError, SourceForbiddenError, SourceNotFoundError, SourceTooLargeError

_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)  # each system has some of them
_PIECE = 2**20
"""Bytes that are read at a time of a file that is longer than it said."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_file(path: str, limit: int) -> bytes:
    """Return the bytes of a regular file; it never waits for somebody to write.

    Raises:
        SourceNotFoundError: It is a folder.
        SourceForbiddenError: It is a pipe, a socket or a device.
        SourceTooLargeError: It has more than `limit` bytes, by its size or as it is read.
        OSError: It can't be opened or read.
    """
    _check_kind(Path(path).stat(), path)  # before it is opened: that alone is something to a device
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        _check_kind(status, path)
        if status.st_size > limit:
            raise _too_large(status.st_size, limit)
        data = file.read(status.st_size + 1)
        if len(data) <= status.st_size:
            return data
        pieces, size = [data], len(data)
        while size <= limit and (piece := file.read(min(_PIECE, limit + 1 - size))):
            pieces.append(piece)
            size += len(piece)
    if size > limit:
        raise _too_large(size, limit)
    return b"".join(pieces)


def _check_kind(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        error: type[ItemError] = SourceNotFoundError if kind == "a folder" else SourceForbiddenError
        raise error(f"{path} is {kind}, not a picture")


def _too_large(size: int, limit: int) -> SourceTooLargeError:
    detail = f"{size} bytes are more than the limit of {limit} (RAYJOBS_MAX_SOURCE_BYTES)"
    return SourceTooLargeError(detail, limit=limit, actual=size)
