"""The cache of renderings: the same content under the same terms is not rendered again.

    outputs/.cache/<2 digits>/<key>.json    places and facts of the files of one rendering

The key is the SHA-256 of all that decides the bytes: the source, how it is read, limits, pipelines,
encodings, second pictures, letters as the machine's fonts draw them, and versions: of the libraries, of the
packages of plug-ins, and the hash of our own code. Names and folders are not in the key.

A hit copies the files: each file that an entry names is read, compared with its hash, and written again under
the item's own name. So a file that was deleted, overwritten or damaged is a miss, never an error, and no
batch needs the files of another batch. Entries may be removed at any time. An entry whose files are gone is
removed when it is found. A process that writes an entry sometimes trims the entry's folder to its share of
`RAYJOBS_MAX_CACHE_ENTRIES`; the oldest entries go first.

The cache is off unless a batch asks for it: an entry costs one more durable file, and a load test, which
repeats a few samples, must do the work each time.
"""

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson

from rayjobs.codec import Limits
from rayjobs.engine.branches import ImageInfo, Rendered
from rayjobs.engine.rendering import engine_versions
from rayjobs.errors import RayJobsError
from rayjobs.filters import plugin_versions
from rayjobs.ports import Store
from rayjobs.record.layout import OUTPUTS
from rayjobs.request.sources import Sources
from rayjobs.request.spec import Work
from rayjobs.request.variants import Output, Variant

log = logging.getLogger(__name__)

_NAMING = {"name", "folder", "on_exists"}
"""Fields of an output that decide its place, and nothing of its bytes."""
_CODE = ("codec", "filters", "engine/branches.py", "engine/rendering.py", "request/pipeline.py")
"""Our own files that decide the pixels; two clones of one version may differ in them."""
_FOLDERS = 256
"""Number of folders of entries, by the first two digits of the keys; a hash fills them evenly."""


class Cache:
    """Finds and keeps renderings in one store; used by the thread that renders and by the one that writes."""

    def __init__(self, store: Store, sources: Sources, limits: Limits, most: int) -> None:
        """Keep about `most` entries in `store`; `sources` gives the second pictures."""
        self._store = store
        self._limits = limits
        self._most = most
        self._hash_of_picture = lru_cache(16)(lambda reference: _sha256(sources.picture(reference)))
        self._last: tuple[Work, bytes] | None = None

    def key(self, work: Work, variants: Sequence[Variant], data: bytes) -> str:
        """Return the key of the files that these variants of `work` make of the source `data`."""
        if self._last is None or self._last[0] is not work:
            self._last = work, self._terms(work)
        wanted = [str(work.variants.index(each)) for each in variants]
        return _sha256(b"\n".join([self._last[1], ",".join(wanted).encode(), _sha256(data).encode()]))

    def find(self, key: str, count: int) -> list[Rendered] | None:
        """Return the `count` files that were kept under a key; None if one is gone or has changed."""
        place = _place(key)
        with suppress(RayJobsError):  # if the store is away, the item's next write raises
            raw = self._store.get(place)
            found = None if raw is None else self._kept(raw)
            if found is not None and len(found) == count:
                return found
            if raw is not None:
                log.info("a file of this entry of the cache is gone or has changed: %s", place)
                self._store.delete(place)
        return None

    def _kept(self, raw: bytes) -> list[Rendered] | None:
        """Return the files that an entry names; None if the entry can't be read, or a file has changed."""
        try:
            entry = orjson.loads(raw)
            source, analysis = ImageInfo(**entry["source"]), entry["analysis"]
            files = [(ImageInfo(**file["output"]), file["analysis"], file["key"]) for file in entry["files"]]
        except (KeyError, TypeError, ValueError):
            return None
        found = []
        for output, own_analysis, at in files:
            data = self._store.get(at) if isinstance(at, str) and at.startswith(f"{OUTPUTS}/") else None
            if data is None or _sha256(data) != output.sha256:
                return None
            found.append(Rendered(data, source, output, analysis, own_analysis))
        return found

    def keep(self, key: str, files: Sequence[tuple[str, Rendered]]) -> None:
        """Write an entry with the places of a rendering's files; a store that is full or away gets none."""
        _, first = files[0]
        entry = {
            "source": first.source.as_json(),
            "analysis": first.analysis,
            "files": [
                {"key": at, "output": each.output.as_json(), "analysis": each.own_analysis}
                for at, each in files
            ],
        }
        with suppress(RayJobsError):
            self._store.put(_place(key), orjson.dumps(entry))
            if (
                key[2] == "0"
            ):  # once in 16 entries: to list a folder of 400 each time costs more than the write
                self._store.trim(_folder(key), self._most // _FOLDERS)

    def _terms(self, work: Work) -> bytes:
        pipelines = [work.pipeline, *(each.pipeline for each in work.variants)]
        pictures = {reference for pipeline in pipelines for _, reference in pipeline.pictures}
        terms: dict[str, Any] = {
            "engine": engine_versions() | plugin_versions(),
            "code": _code(),
            "limits": asdict(self._limits),
            "input": work.terms.input.model_dump(mode="json"),
            "pipelines": [each.as_json() for each in pipelines],
            "surroundings": [_sha256(one.surroundings()) for each in pipelines for one in each.filters],
            "outputs": [_encoding(each.output) for each in work.variants],
            "pictures": {reference: self._hash_of_picture(reference) for reference in sorted(pictures)},
        }
        return orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)


def _encoding(output: Output) -> dict[str, Any]:
    return output.model_dump(mode="json", exclude=_NAMING)


def _place(key: str) -> str:
    return f"{_folder(key)}/{key}.json"


def _folder(key: str) -> str:
    return f"{OUTPUTS}/.cache/{key[:2]}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _code() -> str:
    """Return the hash of our own files that decide the pixels."""
    here, found = Path(__file__).parents[1], hashlib.sha256()
    for part in _CODE:
        for path in sorted((here / part).rglob("*.py")) or [here / part]:
            found.update(path.read_bytes())
    return found.hexdigest()
