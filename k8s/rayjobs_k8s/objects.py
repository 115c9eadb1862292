"""Reads fields of Kubernetes objects; the name of an object.

An API server omits a field without a value, or returns null for it: the lists of a status before a controller
has written them, the names of a container image whose tag has moved, even the items of an empty list.
`part`, `entries`, `texts`, `text` and `number` read a field of a live object; for a missing field they return
an empty value.
"""

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

Document = dict[str, Any]
"""An object of Kubernetes, or a part of one, as parsed JSON."""

Operation = dict[str, Any]
"""One step of a JSON Patch (RFC 6902)."""


@dataclass(frozen=True)
class Ref:
    """The name of one object."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None

    @classmethod
    def of(cls, document: Document) -> "Ref":
        """Return the name of an object."""
        metadata = document["metadata"]
        namespace = text(metadata, "namespace") or None
        return cls(document["apiVersion"], document["kind"], metadata["name"], namespace)

    @override
    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def part(document: Document | None, *path: str) -> Document:
    """Return the object at a path of names; {} if a name of the path is missing or null."""
    found: object = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def entries(document: Document | None, *path: str) -> list[Document]:
    """Return the objects of a list; [] if it is missing or null."""
    return [each for each in _values(document, path) if isinstance(each, dict)]


def texts(document: Document | None, *path: str) -> list[str]:
    """Return the strings of a list; [] if it is missing or null."""
    return [each for each in _values(document, path) if isinstance(each, str)]


def text(document: Document | None, *path: str) -> str:
    """Return a string; "" if it is missing or null."""
    found = part(document, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def number(document: Document | None, *path: str, default: int = 0) -> int:
    """Return an integer; the default if it is missing or null."""
    found = part(document, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) else default


def _values(document: Document | None, path: tuple[str, ...]) -> list[object]:
    found = part(document, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []
