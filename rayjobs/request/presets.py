"""Pipelines with a name and versions: some are shipped, others are put by clients and stand in the store.

    presets/<name>/<version>.json     as it was put, created once and never changed

A request that names a preset is made whole at its submission, so no batch changes by what is put later.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import orjson
from pydantic import StringConstraints

from rayjobs.errors import (
    ConflictError,
    InvalidRequestError,
    ItemError,
    NotFoundError,
    Problem,
    RecordUnreadableError,
    StoreUnavailableError,
)
from rayjobs.model.batch import moment
from rayjobs.ports import Store
from rayjobs.record import schema
from rayjobs.request.problems import near_match, shown
from rayjobs.request.spec import Terms, Treatment, parse_form
from rayjobs.request.variants import beside
from rayjobs.settings import Settings

_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
PresetName = Annotated[str, StringConstraints(pattern=_NAME)]

_PARTS = ("pipeline", "variants", "input", "output")
"""What a preset says of a batch."""
_TOLD = 20
"""Names that an error tells; `GET /presets` tells all."""


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

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def all(self) -> tuple[list[Preset], dict[str, str]]:
        """Return the latest version of each preset, by name; and of those that can't be read, why not."""
        found: list[Preset] = []
        unreadable: dict[str, str] = {}
        for name in self._names():
            try:
                found += [self._read(name, version) for version in self._versions(name)[-1:]]
            except RecordUnreadableError as error:
                unreadable[name] = error.detail
        return found, unreadable

    def get(self, name: str, version: int | None = None) -> Preset:
        """Return a version of a preset, the latest by default.

        Raises:
            NotFoundError: There is none.
            RecordUnreadableError: Its file is damaged.
        """
        versions = self._versions(name)
        if not versions:
            known = self._names()
            more = f" and {len(known) - _TOLD} more" if len(known) > _TOLD else ""
            detail = f"no preset has the name {name!r}; there are {', '.join(known[:_TOLD])}{more}."
            raise NotFoundError(detail + near_match(name, known))
        if version is not None and version not in versions:
            first, last = versions[0], versions[-1]
            raise NotFoundError(f"the preset {name!r} has versions {first} to {last}, not {version}")
        return self._read(name, version or versions[-1])

    def put(self, name: str, body: dict[str, Any]) -> tuple[Preset, bool]:
        """Store a new version, unless the latest is equal; return the latest, and whether it is new.

        The body is one that was parsed.

        Raises:
            ConflictError: The name is one of ours, or there are as many presets or versions as may be.
            StoreUnavailableError: There is no room, or the store is away.
        """
        if name in shipped():
            detail = f"{name!r} is shipped with rayjobs and stays as it is; put yours as 'my-{name}', say"
            raise ConflictError(detail)
        while True:
            versions = self._versions(name)
            latest = self._latest(name, versions)
            if latest is not None and latest.body == body:
                return latest, False
            self._check_room(name, versions)
            new = Preset(name, max(versions, default=0) + 1, body, time.time_ns() // 1_000_000)
            line = orjson.dumps({"created_ms": new.created_ms, "body": body})
            try:
                if self._store.put_new(_key(name, new.version), line):
                    return new, True
            except ItemError as error:
                raise StoreUnavailableError(error.detail) from error
            # Race: somebody else has just put this version; ours is the next one, or equal to theirs.

    def _latest(self, name: str, versions: Sequence[int]) -> Preset | None:
        """Return the version that a new one is compared with; a damaged one is equal to none."""
        try:
            return self._read(name, versions[-1]) if versions else None
        except RecordUnreadableError:
            return None

    def _check_room(self, name: str, versions: Sequence[int]) -> None:
        """Raise `ConflictError` where one more would be too many; of presets put at once a few may pass."""
        if versions:
            count, limit = len(versions), self._settings.max_preset_versions
            said = f"{name!r} has {count} versions, the limit is {limit} (RAYJOBS_MAX_PRESET_VERSIONS)"
            remedy = f"put it by another name, or remove old files from presets/{name}/ in the store"
        else:
            count, limit = len(self._stored() - {name}), self._settings.max_presets
            said = f"{count} presets were put, the limit is {limit} (RAYJOBS_MAX_PRESETS)"
            remedy = "put a version of one of them, or remove one's folder from presets/ in the store"
        if count >= limit:
            raise ConflictError(f"{said}; {remedy}", limit=limit, actual=count)

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

    def _names(self) -> list[str]:
        return sorted({*shipped(), *self._stored()})

    def _stored(self) -> set[str]:
        """Return the names that were put, and perhaps one that is being put; no file of anybody else's."""
        return {name for name in self._store.names("presets") if re.fullmatch(_NAME, name)}

    def _versions(self, name: str) -> list[int]:
        if name in shipped():
            return list(range(1, len(shipped()[name]) + 1))
        files = (re.fullmatch(r"([1-9]\d{0,8})\.json", each) for each in self._store.names(f"presets/{name}"))
        return sorted(int(each[1]) for each in files if each)

    def _read(self, name: str, version: int) -> Preset:
        if name in shipped():
            return Preset(name, version, shipped()[name][version - 1])
        key = _key(name, version)
        found = schema.PRESET.read(key, self._store.get(key) or b"")
        return Preset(name, version, found["body"], found["created_ms"])


def _key(name: str, version: int) -> str:
    return f"presets/{name}/{version}.json"


@cache
def shipped() -> dict[str, list[dict[str, Any]]]:
    """Return the versions of each preset of ours, the first one first."""
    found: dict[str, list[dict[str, Any]]] = orjson.loads(
        files("rayjobs.request").joinpath("shipped_presets.json").read_bytes()
    )
    return found
