"""Files that were made before: the same content under the same terms is not rendered again.

    outputs/.cache/<2 digits>/<key>.json    where the files of one rendering stand, and what is known of them

The key is the SHA-256 of all that decides the bytes: the source's, how it is read, limits, pipelines,
encodings, second pictures, letters as the machine's fonts draw them, and versions: of the libraries, of the
packages of plug-ins, and the hash of our own code. Names and folders are no part of it. What an entry names
is read and compared with its hash before it is written anew, under the item's own name: so the file of a
batch that was deleted, overwritten or damaged is a miss, never an error, and no batch's files hang on
another's. Entries may be removed at any time.

Off unless a batch asks for it: an entry costs one more durable file, and a load for trials, which repeats the
same few samples, is meant to be work.
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
from rayjobs.engine import engine_versions
from rayjobs.errors import ItemError, RayJobsError
from rayjobs.filters import plugin_versions
from rayjobs.outputs import Output, Variant
from rayjobs.ports import Store
from rayjobs.record import OUTPUTS
from rayjobs.rendering import ImageInfo, Rendered
from rayjobs.sources import Sources
from rayjobs.spec import Work

log = logging.getLogger(__name__)

_NAMING = {"name", "folder", "on_exists"}
"""Of an output: what decides where it goes, and nothing of its bytes."""
_CODE = ("codec", "filters", "engine.py", "pipeline.py", "rendering.py")
"""Our own, that decides what pixels come out; the version of a clone does not tell."""


class Cache:
    """Finds and keeps renderings in one store; for the thread that renders and the one that writes."""

    def __init__(self, store: Store, sources: Sources, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._hash_of_picture = lru_cache(16)(lambda reference: _sha256(sources.picture(reference)))
        self._last: tuple[Work, bytes] | None = None

    def key(self, work: Work, variants: Sequence[Variant], data: bytes) -> str:
        """Return the key of these of a batch's files, made of the source `data`."""
        if self._last is None or self._last[0] is not work:
            self._last = work, self._terms(work)
        wanted = [str(work.variants.index(each)) for each in variants]
        return _sha256(b"\n".join([self._last[1], ",".join(wanted).encode(), _sha256(data).encode()]))

    def find(self, key: str) -> list[Rendered] | None:
        """Return what was kept under a key, if all of it is there as it was."""
        raw = self._read(_place(key))
        if raw is None:
            return None
        try:
            entry = orjson.loads(raw)
            source, analysis = ImageInfo(**entry["source"]), entry["analysis"]
            files = [(ImageInfo(**file["output"]), file["analysis"], file["key"]) for file in entry["files"]]
        except (KeyError, TypeError, ValueError):
            log.warning("an entry of the cache can't be read, and is made anew: %s", _place(key))
            return None
        found = []
        for output, own_analysis, at in files:
            data = self._read(at)
            if data is None or _sha256(data) != output.sha256:
                return None
            found.append(Rendered(data, source, output, analysis, own_analysis))
        return found

    def _read(self, at: object) -> bytes | None:
        """Return what stands in a place that an entry names, None for anything else."""
        if isinstance(at, str) and at.startswith(f"{OUTPUTS}/"):
            with suppress(RayJobsError):  # if the store is away, whoever writes will say so
                return self._store.get(at)
        return None

    def keep(self, key: str, files: Sequence[tuple[str, Rendered]]) -> None:
        """Write where the files of a rendering stand in the store; a full store keeps less."""
        _, first = files[0]
        entry = {
            "source": first.source.as_json(),
            "analysis": first.analysis,
            "files": [
                {"key": at, "output": each.output.as_json(), "analysis": each.own_analysis}
                for at, each in files
            ],
        }
        with suppress(ItemError):
            self._store.put(_place(key), orjson.dumps(entry))

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
    return f"{OUTPUTS}/.cache/{key[:2]}/{key}.json"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _code() -> str:
    """Return the hash of our own code that makes pixels."""
    here, found = Path(__file__).parent, hashlib.sha256()
    for part in _CODE:
        for path in sorted((here / part).rglob("*.py")) or [here / part]:
            found.update(path.read_bytes())
    return found.hexdigest()
