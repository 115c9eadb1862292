"""The terms of a batch: the part of its document that the core reads, parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BatchTerms:
    """What a batch's document says about how its items are run; the document itself never changes."""

    document: dict[str, Any]
    """The whole document as JSON, as clients see it and as the record keeps it."""
    max_attempts: int
    """How often an item is tried, at least 1."""
    priority: int = 0
    deadline_s: float | None = None
    """Seconds from the submission to the end of the batch; None for no limit."""
    max_failed_ratio: float | None = None
    """Share of failed items, 0 to 1, above which the batch ends; None for no limit."""
    labels: Mapping[str, str] | None = None

    @classmethod
    def of(cls, document: dict[str, Any]) -> "BatchTerms":
        """Parse a document; raises `KeyError` if it has no `max_attempts`, which every batch has."""
        return cls(
            document,
            document["max_attempts"],
            document.get("priority", 0),
            document.get("deadline_s"),
            document.get("max_failed_ratio"),
            document.get("labels", {}),
        )

    def has_label(self, label: tuple[str, str] | None) -> bool:
        """Return whether the batch has this label, a name and a value; every batch has None."""
        return label is None or (self.labels or {}).get(label[0]) == label[1]
