"""Where pictures come from: listing a source, and reading one item of it."""

import errno
import os
import re
from collections.abc import Iterator
from itertools import cycle, islice, repeat
from pathlib import Path

from rayjobs.errors import ItemError, SourceForbiddenError, SourceNotFoundError, SourceTooLargeError
from rayjobs.model.item import Item
from rayjobs.ports import Store
from rayjobs.request.spec import FolderSource, PathsSource, SamplesSource, Source, UploadSource
from rayjobs.settings import Settings

PICTURES = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".pbm", ".pgm", ".ppm"),
        *(".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".jpx"),
    }
)
"""Suffixes that a picture's file has; what it is, its first bytes say when it is read."""


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

    def items(self, source: Source) -> Iterator[Item]:
        """Give the source's items one by one; nothing holds a whole listing.

        Raises:
            SourceNotFoundError: A folder or an upload does not exist.
            SourceForbiddenError: A folder may not be listed.
        """
        return (Item(index, name, custom) for index, (name, custom) in enumerate(self._names(source)))

    def _names(self, source: Source) -> Iterator[tuple[str, str | None]]:
        match source:
            case SamplesSource(count=count):
                yield from ((f"sample:{sample}", None) for sample in islice(cycle(self.samples()), count))
            case PathsSource(paths=paths, custom_ids=ids):
                yield from zip(paths, ids or repeat(None, len(paths)), strict=True)
            case FolderSource(path=path, pattern=pattern):
                yield from ((found, None) for found in _walk(self._folder(path), _matcher(pattern)))
            case UploadSource(ids=ids):
                yield from ((f"upload:{each}/{self.upload(each)}", None) for each in ids)

    def samples(self) -> list[str]:
        """Return the names of the shipped pictures, the largest file first: a few of them are a real load."""
        folder = self._settings.samples
        found = [(-p.stat().st_size, p.name) for p in folder.glob("*") if p.suffix.lower() in PICTURES]
        if not found:
            raise SourceNotFoundError(f"there is no sample picture in {folder}")
        return [name for _, name in sorted(found)]

    def upload(self, upload_id: str) -> str:
        """Return the name under which an upload was sent; raises `SourceNotFoundError`."""
        if re.fullmatch(r"u_\w+", upload_id):
            for name in self._store.names(f"uploads/{upload_id}"):
                return name
        raise SourceNotFoundError(f"there is no upload {upload_id!r}")

    def _folder(self, path: str) -> Path:
        folder = Path(path)
        if not self.allows(path) or not self._within(folder.resolve()):
            raise self._outside(path)
        if not folder.is_dir():
            raise SourceNotFoundError(f"{path} is not a folder")
        return folder

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
        path = self._settings.samples / Path(rest).name if kind == "sample" else self._resolved(item.source)
        try:
            with path.open("rb") as file:
                self._check_size(os.fstat(file.fileno()).st_size)
                return file.read()
        except OSError as error:
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

    def _resolved(self, source: str) -> Path:
        path = Path(source)
        try:
            real = path.resolve(strict=True)
        except OSError as error:
            raise (_fault(error, path) if self.allows(source) else self._outside(source)) from error
        if not self._within(real):
            raise self._outside(source)
        return real

    def _within(self, real: Path) -> bool:
        return any(real.is_relative_to(root) for root in self._roots)

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

    def _check_size(self, size: int) -> None:
        limit = self._settings.max_source_bytes
        if size > limit:
            raise SourceTooLargeError(
                f"{size} bytes are more than the limit of {limit} (RAYJOBS_MAX_SOURCE_BYTES)",
                limit=limit,
                actual=size,
            )


def _walk(folder: Path, matches: "re.Pattern[str]") -> Iterator[str]:
    """Give the matching files below a folder, each folder's own files first, both in sorted order."""
    waiting = [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            with os.scandir(here) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise _fault(error, here) from error
        yield from (e.path for e in listed if e.is_file() and matches.fullmatch(prefix + e.name))
        below = [e for e in listed if e.is_dir(follow_symlinks=False)]  # a link could lead in a circle
        waiting += [(Path(e.path), f"{prefix}{e.name}/") for e in reversed(below)]


def _matcher(pattern: str | None) -> "re.Pattern[str]":
    """Return the regular expression of a pattern with `*`, `?` and `**/`, or of every picture's name."""
    if pattern is None:
        suffixes = "|".join(re.escape(suffix) for suffix in sorted(PICTURES))
        return re.compile(f"(?i:.*(?:{suffixes}))")
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts))


def _fault(error: OSError, path: Path) -> ItemError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SourceNotFoundError(f"{path} does not exist")
    if error.errno == errno.EISDIR:
        return SourceNotFoundError(f"{path} is a folder, not a picture")
    return SourceForbiddenError(f"{path} can't be read: {error.strerror}")
