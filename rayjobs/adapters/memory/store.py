"""The store in memory: the twin of the one on files, under the same contract suite."""

import io
import threading
import time
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import BinaryIO

from typing_extensions import override

from rayjobs.errors import OutputDeniedError
from rayjobs.ports import Store, is_name


class MemoryStore(Store):
    """Blobs in a dict."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._written_ns: dict[str, int] = {}
        self._lock = threading.Lock()

    @override
    def put(self, key: str, data: bytes) -> None:
        if not is_name(key):
            raise OutputDeniedError(f"{key!r} can't be the name of a blob")
        self._blobs[key] = bytes(data)
        self._written_ns[key] = time.monotonic_ns()

    @override
    def put_new(self, key: str, data: bytes) -> bool:
        with self._lock:
            if key in self._blobs:
                return False
            self.put(key, data)
            return True

    @override
    def put_stream(self, key: str, chunks: Iterable[bytes]) -> int:
        self.put(key, b"".join(chunks))
        return len(self._blobs[key])

    @override
    def get(self, key: str) -> bytes | None:
        return self._blobs.get(key)

    @override
    def open(self, key: str) -> BinaryIO | None:
        return io.BytesIO(self._blobs[key]) if key in self._blobs else None

    @override
    def names(self, prefix: str) -> Iterator[str]:
        below = [key.removeprefix(f"{prefix}/") for key in list(self._blobs) if key.startswith(f"{prefix}/")]
        yield from {rest.split("/", 1)[0] for rest in below}

    @override
    def delete(self, prefix: str) -> None:
        for key in [k for k in list(self._blobs) if k == prefix or k.startswith(f"{prefix}/")]:
            del self._blobs[key]

    @override
    def trim(self, prefix: str, most: int) -> None:
        found = [key for key in list(self._blobs) if key.rpartition("/")[0] == prefix]
        for key in nsmallest(len(found) - most, found, key=self._written_ns.__getitem__):
            self._blobs.pop(key, None)

    @override
    def tidy(self, prefix: str, older_than_s: float = 0) -> None:
        return  # a write that did not end has left nothing

    @override
    def expire(self, prefix: str, older_than_s: float) -> None:
        until_ns = time.monotonic_ns() - older_than_s * 1e9
        for key in [k for k in list(self._blobs) if k.startswith(f"{prefix}/")]:
            if self._written_ns[key] < until_ns:
                self._blobs.pop(key, None)

    @override
    def uri(self, key: str) -> str:
        return f"memory://{key}"
