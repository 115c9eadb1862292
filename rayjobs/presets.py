"""Pipelines with a name and versions: some are shipped, others are put by clients and stand in the store.

    presets/<name>/<version>.json     as it was put, created once and never changed

A request that names a preset is made whole at its submission, so no batch changes by what is put later.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import orjson
from pydantic import StringConstraints

from rayjobs.batch import moment
from rayjobs.errors import (
    ConflictError,
    InvalidRequestError,
    ItemError,
    NotFoundError,
    Problem,
    StoreUnavailableError,
)
from rayjobs.outputs import beside
from rayjobs.ports import Store
from rayjobs.problems import near_match, shown
from rayjobs.spec import Terms, Treatment, parse_form

PresetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]

_PARTS = ("pipeline", "variants", "input", "output")
"""What a preset says of a batch."""


class PresetForm(Treatment):
    """A preset, but for its pipeline and variants."""

    description: Annotated[str, StringConstraints(max_length=1000)] | None = None
    """For those who choose."""


@dataclass(frozen=True)
class Preset:
    """One version of a preset."""

    name: str
    version: int
    """From 1; the highest is meant where none is named."""
    body: dict[str, Any]
    """As it was put."""
    created_ms: int | None = None
    """None of what is shipped."""

    def as_json(self) -> dict[str, Any]:
        """Return the preset as the API shows it."""
        made = {"shipped": self.created_ms is None, "created_at": moment(self.created_ms)}
        return {"name": self.name, "version": self.version, **made, **self.body}


class Presets:
    """The shipped presets, and those of one store; every method is safe to call from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Iterator[Preset]:
        """Give the latest version of each preset, by name."""
        for name in sorted({*shipped(), *self._store.names("presets")}):
            yield self.get(name)

    def get(self, name: str, version: int | None = None) -> Preset:
        """Return a version of a preset, the latest by default; raises `NotFoundError`."""
        versions = self._versions(name)
        if not versions:
            known = sorted({*shipped(), *self._store.names("presets")})
            detail = f"no preset has the name {name!r}; there are {', '.join(known)}."
            raise NotFoundError(detail + near_match(name, known))
        if version is not None and version not in versions:
            raise NotFoundError(f"the preset {name!r} has versions 1 to {versions[-1]}, not {version}")
        return self._read(name, version or versions[-1])

    def put(self, name: str, body: dict[str, Any]) -> tuple[Preset, bool]:
        """Store a new version, unless the latest is equal; return the latest, and whether it is new.

        The body is one that was parsed.

        Raises:
            ConflictError: The name is one of ours.
            StoreUnavailableError: There is no room, or the store is away.
        """
        if name in shipped():
            detail = f"{name!r} is shipped with rayjobs and stays as it is; put yours as 'my-{name}', say"
            raise ConflictError(detail)
        while True:
            versions = self._versions(name)
            if versions and (latest := self._read(name, versions[-1])).body == body:
                return latest, False
            new = Preset(name, len(versions) + 1, body, time.time_ns() // 1_000_000)
            line = orjson.dumps({"created_ms": new.created_ms, "body": body})
            try:
                if self._store.put_new(f"presets/{name}/{new.version}.json", line):
                    return new, True
            except ItemError as error:
                raise StoreUnavailableError(error.detail) from error
            # Race: somebody else has just put this version; ours is the next one, or equal to theirs.

    def resolved(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a request's body with what its preset says in it.

        What the body says itself holds; of `input` and `output` each field by itself.

        Raises:
            InvalidRequestError: There is no such preset.
        """
        if (reference := body.get("preset")) is None:
            return body
        found = self._named(reference)
        merged = {key: found.body[key] for key in _PARTS if key in found.body} | dict(body)
        for key in ("input", "output"):
            ours, theirs = found.body.get(key), body.get(key)
            if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
                merged[key] = beside(ours, theirs) if key == "output" else {**ours, **theirs}
        return merged | {"preset": f"{found.name}@{found.version}"}

    def _named(self, reference: object) -> Preset:
        parse_form(Terms, {"preset": reference})
        name, _, version = str(reference).partition("@")
        try:
            return self.get(name, int(version) if version else None)
        except NotFoundError as error:
            problem = Problem("/preset", "unknown_preset", error.detail, actual=shown(reference))
            raise InvalidRequestError(error.detail, [problem]) from error

    def _versions(self, name: str) -> list[int]:
        if name in shipped():
            return list(range(1, len(shipped()[name]) + 1))
        return sorted(int(each.removesuffix(".json")) for each in self._store.names(f"presets/{name}"))

    def _read(self, name: str, version: int) -> Preset:
        if name in shipped():
            return Preset(name, version, shipped()[name][version - 1])
        found = orjson.loads(self._store.get(f"presets/{name}/{version}.json") or b"{}")
        return Preset(name, version, found["body"], found["created_ms"])


@cache
def shipped() -> dict[str, list[dict[str, Any]]]:
    """Return the versions of each preset of ours, the first one first."""
    found: dict[str, list[dict[str, Any]]] = orjson.loads(
        files("rayjobs").joinpath("shipped_presets.json").read_bytes()
    )
    return found
