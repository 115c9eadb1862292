"""Users' own filters, found by the entry points of installed packages.

A package names each of its filters, a class derived from `array.ArrayFilter`, under the filter's own name:

    [project.entry-points."rayjobs.filters"]
    halftone = "my_package:Halftone"

Every process reads the plug-ins once, at its start. The API needs their schemas. The fork server imports
them, so that the engine processes, which alone run them, have them from the fork. So a plug-in must not start
a thread when it is imported. While it runs, a plug-in may read files, but it has no network and no other
process, and it may write only where outputs are written. Plug-ins are code of the operator, not of clients,
and are trusted.

A plug-in that can't be used is left out; the log and `GET /filters` say why. All others work.
"""

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from rayjobs.filters.array import ArrayFilter
from rayjobs.filters.base import Filter

log = logging.getLogger(__name__)

GROUP = "rayjobs.filters"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Plugin:
    """The result of loading one entry point."""

    name: str
    package: str
    """The distribution that brings it."""
    version: str
    filter: type[Filter] | None = None
    error: str | None = None
    """Why the entry point gave no filter."""

    def as_json(self) -> dict[str, str]:
        """Return its row in `GET /filters`."""
        row = {"name": self.name, "package": self.package, "version": self.version}
        return row | {"state": "failed", "error": self.error} if self.error else row | {"state": "ok"}


class _UnusableError(Exception):
    """A plug-in that can't be used; the message says why."""


def load(taken: Collection[str]) -> tuple[Plugin, ...]:
    """Read the plug-ins, in the order of their names; of those with one name, the first package's holds.

    Args:
        taken: Names of filters that no plug-in may have.
    """
    known, found = set(taken), []
    for point in sorted(set(entry_points(group=GROUP)), key=lambda each: (each.name, _source(each))):
        try:
            plugin = Plugin(point.name, *_source(point), filter=_usable(point, known))
            known.add(point.name)
        except _UnusableError as error:
            plugin = Plugin(point.name, *_source(point), error=str(error))
        found.append(plugin)
    return tuple(found)


def announce(plugins: Collection[Plugin]) -> None:
    """Log which plug-ins there are, and which can't be used."""
    for each in plugins:
        level = logging.WARNING if each.error else logging.INFO
        log.log(level, "plug-in %s of %s %s: %s", each.name, each.package, each.version, each.error or "ok")


def _source(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _usable(point: EntryPoint, taken: Collection[str]) -> type[Filter]:
    """Return the filter of an entry point; raises `_UnusableError`."""
    if point.name in taken:
        raise _UnusableError(f"the name {point.name!r} is taken")
    try:
        cls = point.load()
        problem = next(_problems(cls, point.name), None)
    except (Exception, SystemExit) as error:
        raise _UnusableError(f"{point.value}: {type(error).__name__}: {error}") from error
    if problem is not None:
        raise _UnusableError(f"{point.value} {problem}")
    found: type[Filter] = cls
    return found


def _problems(cls: object, name: str) -> Iterator[str]:
    """Give each fault of a class; an error that it raises is a fault too."""
    if not (isinstance(cls, type) and issubclass(cls, ArrayFilter)):
        yield "is no class that derives from rayjobs.filters.array.ArrayFilter"
        return
    if missing := sorted(cls.__abstractmethods__):
        yield f"does not define {', '.join(missing)}"
    schema = cls.model_json_schema()
    if not _NAME.fullmatch(name) or schema["properties"]["name"].get("const") != name:
        yield f'needs the field name: Literal["{name}"] = "{name}", at most 40 characters of a-z, 0-9 and _'
    if schema.get("additionalProperties") is not False:
        yield 'takes fields that it does not know; leave extra="forbid" as it is'
    cls.model_validate(cls.example())  # raises where there is none, or one that is refused
