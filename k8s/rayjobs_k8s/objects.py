"""An object of Kubernetes as it is written and read, and its name."""

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
        return cls(document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace"))

    @override
    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"
