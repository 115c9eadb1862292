"""Where pictures come from: listing a source, and reading one item of it."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from itertools import cycle, islice, repeat
from pathlib import Path

from rayjobs.errors import ItemError, SourceForbiddenError, SourceNotFoundError
from rayjobs.model.item import Item
from rayjobs.plain_file import read_file
from rayjobs.ports import Store
from rayjobs.request.spec import FolderSource, PathsSource, SamplesSource, Source, UploadSource
from rayjobs.request.walk import Remarks, is_hidden, matcher, walk
from rayjobs.settings import Settings

_UPLOAD = re.compile(r"u_[0-9A-Za-z_]{1,64}")


class Sources:
    """Lists and reads sources within the settings' roots and limits."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._roots = tuple(Path(root).resolve() for root in settings.roots)
        self._prefixes = tuple(f"{root}{os.sep}" for root in self._roots)

    def allows(self, path: str) -> bool:
        """Whether a path lies under a root as it is written; `read` looks behind links too.

        Cheap on purpose: a request may name 100,000 paths.
        """
        plain = os.path.normpath(path) if ".." in path or "//" in path else path
        return plain.startswith(self._prefixes) or Path(plain) in self._roots

    def items(self, source: Source, remarks: Remarks | None = None) -> Iterator[Item]:
        """Give the source's items one by one; nothing holds a whole listing.

        What is no item, `remarks` are told, if there are any.

        Raises:
            SourceNotFoundError: The folder or an upload does not exist.
            SourceForbiddenError: The folder may not be listed.
        """
        names = self._names(source, remarks or Remarks())
        return (Item(index, name, custom) for index, (name, custom) in enumerate(names))

    def _names(self, source: Source, remarks: Remarks) -> Iterator[tuple[str, str | None]]:
        match source:
            case SamplesSource(count=count):
                yield from ((f"sample:{sample}", None) for sample in islice(cycle(self.samples()), count))
            case PathsSource(paths=paths, custom_ids=ids):
                yield from zip(paths, ids or repeat(None, len(paths)), strict=True)
            case FolderSource():
                yield from ((found, None) for found in self._found(source, remarks))
            case UploadSource(ids=ids):
                yield from ((f"upload:{each}/{self.upload(each)}", None) for each in ids)

    def samples(self) -> list[str]:
        """Return the names of the shipped pictures, the largest file first: a few of them are a real load."""
        folder = self._settings.samples
        matches = matcher(None)
        paths = [path for path in folder.glob("*") if matches(path.name) and not is_hidden(path.name)]
        found = [(-size, path.name) for path in paths if (size := _size_of(path)) is not None]
        if not found:
            raise SourceNotFoundError(f"there is no sample picture in {folder}")
        return [name for _, name in sorted(found)]

    def upload(self, upload_id: str) -> str:
        """Return the name under which an upload was sent; raises `SourceNotFoundError`."""
        if _UPLOAD.fullmatch(upload_id):
            for name in self._store.names(f"uploads/{upload_id}"):
                return name
        raise SourceNotFoundError(f"there is no upload {upload_id!r}")

    def _found(self, source: FolderSource, remarks: Remarks) -> Iterator[str]:
        if not Path(self._resolved(source.path)).is_dir():
            raise SourceNotFoundError(f"{source.path} is not a folder")
        try:
            yield from walk(source.path, matcher(source.pattern), remarks, hidden=source.hidden)
        except OSError as error:
            raise _fault(error, source.path) from error

    def read(self, item: Item) -> bytes:
        """Return the bytes of an item's picture.

        Raises:
            SourceNotFoundError: It is not there.
            SourceForbiddenError: It lies outside of the roots, or may not be read.
            SourceTooLargeError: It has more bytes than `RAYJOBS_MAX_SOURCE_BYTES`.
        """
        kind, _, rest = item.source.partition(":")
        if kind == "upload":
            return self._read_upload(rest)
        if kind == "sample":
            path = str(self._settings.samples / Path(rest).name)
        else:
            path = self._resolved(item.source)
        try:
            return read_file(path, self._settings.max_source_bytes)
        except (OSError, ValueError) as error:
            raise _fault(error, path) from error

    def check_picture(self, reference: str) -> None:
        """Raise `SourceNotFoundError` if a filter's second picture does not exist."""
        kind, _, rest = reference.partition(":")
        if kind == "upload":
            self.upload(rest)
        elif rest not in self.samples():
            raise SourceNotFoundError(f"there is no sample {rest!r}: {', '.join(self.samples())}")

    def picture(self, reference: str) -> bytes:
        """Return the bytes of a filter's second picture, `sample:NAME` or `upload:ID`; raises as `read`."""
        kind, _, rest = reference.partition(":")
        return self.read(Item(0, f"upload:{rest}/{self.upload(rest)}" if kind == "upload" else reference))

    def _resolved(self, source: str) -> str:
        """Return what a path leads to, behind all links; raises `ItemError` as `read`."""
        try:
            real = os.path.realpath(source, strict=True)
        except (OSError, ValueError) as error:
            raise (_fault(error, source) if self.allows(source) else self._outside(source)) from error
        if not any(Path(real).is_relative_to(root) for root in self._roots):
            raise self._outside(source)
        return real

    def _outside(self, path: str) -> SourceForbiddenError:
        roots = os.pathsep.join(map(str, self._roots)) or "none"
        return SourceForbiddenError(
            f"{path} is not under an allowed root; set RAYJOBS_ROOTS to allow its folder", limit=roots
        )

    def _read_upload(self, rest: str) -> bytes:
        with_file = self._store.open(f"uploads/{rest}")
        if with_file is None:
            raise SourceNotFoundError(f"the upload {rest} is gone")
        with with_file as file:
            return file.read()


def _size_of(path: Path) -> int | None:
    """Return a file's bytes, None if it is no file or can't be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _fault(error: OSError | ValueError, path: str) -> ItemError:
    """Return the item's error for what the system says of a path."""
    if isinstance(error, ValueError):  # a NUL in it, or what is not Unicode
        return SourceNotFoundError(f"{path!r} can't be a file's name: {error}")
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return SourceNotFoundError(f"{path} does not exist")
        case errno.ELOOP:
            return SourceNotFoundError(f"{path} is a link that leads in a circle")
        case errno.ENAMETOOLONG:
            return SourceNotFoundError(f"{path} has, or leads to, a name that is too long for this system")
        case _:
            return SourceForbiddenError(f"{path} can't be read: {error.strerror or error}")
