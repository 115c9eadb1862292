"""The port to the store."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

_LONGEST = 255
"""Bytes of a part of a name: what common file systems take."""


def is_name(key: str) -> bool:
    r"""Whether a blob may be called so: parts of UTF-8 between single `/`; no `.`, `..`, `\` or NUL."""
    try:
        parts = key.encode("utf-8").split(b"/")
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    odd = any(part in (b"", b".", b"..") or len(part) > _LONGEST for part in parts)
    return not odd and "\\" not in key and "\0" not in key


class Store(Protocol):
    """Holds blobs under names with `/`; readers see a write completely or not at all.

    Each method raises `StoreUnavailableError` when the store can't be reached. Under what is not a name
    (`is_name`) there is nothing to be read or removed, and nothing may be written.
    """

    def put(self, key: str, data: bytes) -> None:
        """Write or replace a blob, durably.

        Raises:
            OutputNoSpaceError: The store is full.
            OutputDeniedError: The store may not be written, or not under this name.
        """

    def put_new(self, key: str, data: bytes) -> bool:
        """Write a blob if there is none of this name; return whether it was written. Raises as `put`."""

    def put_stream(self, key: str, chunks: Iterable[bytes]) -> int:
        """Write a blob from pieces; return its size in bytes. Raises as `put`."""

    def get(self, key: str) -> bytes | None:
        """Return a blob, None if there is none."""

    def open(self, key: str) -> BinaryIO | None:
        """Return a blob, open to be read from its start; None if there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """Return the names directly under `prefix`, in any order."""

    def delete(self, prefix: str) -> None:
        """Remove a blob, or all blobs under a prefix."""

    def trim(self, prefix: str, most: int) -> None:
        """Remove the oldest blobs directly under `prefix`, until `most` are left."""

    def tidy(self, prefix: str, older_than_s: float = 0) -> None:
        """Remove what writes that never ended have left under `prefix`, if nothing was added for so long.

        Of those that still go on, a `put` begins again; the others fail. With an age, folders that have been
        empty for so long go too.
        """

    def expire(self, prefix: str, older_than_s: float) -> None:
        """Remove all under `prefix` that was written last so long ago, blobs and what `tidy` removes."""

    def uri(self, key: str) -> str:
        """Return the address of a blob, for people and other programs."""
