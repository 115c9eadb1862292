"""An object of Kubernetes as it is written and read, and its name.

An API server leaves out a field that has nothing to say, or gives null for it: the lists of a status before
anything was seen, the names of a container image whose tag has moved, even the items of an empty list.
`part`, `entries`, `texts`, `text` and `number` read a field of a live object, and give what is empty for one
that is not there.
"""

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

Document = dict[str, Any]
"""An object, or a part of one, as JSON has it."""

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


def part(document: Document | None, *way: str) -> Document:
    """Return the object at the end of a way of names; {} where one on it is left out, or null."""
    found: object = document
    for name in way:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def entries(document: Document | None, *way: str) -> list[Document]:
    """Return the objects of a list; [] where it is left out, or null."""
    return [each for each in _values(document, way) if isinstance(each, dict)]


def texts(document: Document | None, *way: str) -> list[str]:
    """Return the words of a list; [] where it is left out, or null."""
    return [each for each in _values(document, way) if isinstance(each, str)]


def text(document: Document | None, *way: str) -> str:
    """Return a word; "" where it is left out, or null."""
    found = part(document, *way[:-1]).get(way[-1])
    return found if isinstance(found, str) else ""


def number(document: Document | None, *way: str, default: int = 0) -> int:
    """Return a whole number; the default where it is left out, or null."""
    found = part(document, *way[:-1]).get(way[-1])
    return found if isinstance(found, int) else default


def _values(document: Document | None, way: tuple[str, ...]) -> list[object]:
    found = part(document, *way[:-1]).get(way[-1])
    return found if isinstance(found, list) else []
