"""The item, which is one image of a batch: its source, its fault, its outcome."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rayjobs.errors import BatchError, ItemError, RayJobsError

Ending = Literal["succeeded", "cached", "skipped", "failed", "cancelled"]
"""How an item may end: the names of `batch.ENDED`."""


@dataclass(frozen=True)
class Item:
    """An item as a page of the record lists it; its index is its position in the list."""

    index: int
    source: str
    """An absolute path, `sample:<name>` or `upload:<id>/<name>`."""
    custom_id: str | None = None
    exists: tuple[str, ...] = ()
    """Names of the variants whose files existed when the item was listed, in a folder that batches share; the
    empty name for the one file of a batch without variants."""

    @property
    def stem(self) -> str:
        """The source's file name without its last suffix."""
        name = self.source.replace("\\", "/").rsplit("/", 1)[-1].removeprefix("sample:")
        stem, dot, _ = name.rpartition(".")
        return stem if dot and stem else name

    def as_json(self) -> dict[str, Any]:
        """Return the item's line in its page."""
        line: dict[str, Any] = {"source": self.source}
        if self.custom_id is not None:
            line["custom_id"] = self.custom_id
        if self.exists:
            line["exists"] = self.exists
        return line

    @classmethod
    def of(cls, index: int, line: Mapping[str, Any]) -> "Item":
        """Read what `as_json` wrote."""
        return cls(index, line["source"], line.get("custom_id"), tuple(line.get("exists", ())))


@dataclass(frozen=True)
class Fault:
    """Why an item failed; plain data, so that it can be sent and stored."""

    code: str
    detail: str
    retryable: bool
    limit: float | str | None = None
    actual: float | str | None = None

    @classmethod
    def of(cls, error: ItemError | BatchError) -> "Fault":
        """Return the fault that `error` describes; the fault of a whole batch is not retryable."""
        retryable = isinstance(error, ItemError) and error.retryable
        return cls(error.code, error.detail, retryable, error.limit, error.actual)

    @classmethod
    def unforeseen(cls, work: str, error: Exception) -> "Fault":
        """Return what a batch shows where an error that is not of ours has ended a part of its work."""
        detail = f"{work} met an unforeseen {type(error).__name__}: {error}; see the dispatcher's log"
        return cls(RayJobsError.code, detail, retryable=False)

    def as_json(self) -> dict[str, Any]:
        """Return the item's `error` object; `limit` and `actual` only if they are known."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Outcome:
    """How one item ended, at its last attempt."""

    index: int
    state: Ending
    attempts: int
    worker: str
    duration_ms: float
    input: dict[str, Any] | None = None
    """Width and height in pixels as stored, format, bytes and SHA-256 of the source."""
    output: dict[str, Any] | None = None
    """URI, width and height in pixels, format, bytes and SHA-256 of the picture written."""
    outputs: dict[str, dict[str, Any]] | None = None
    """Replaces `output` in a batch with variants: the same, and the own analyses, by the variant's name."""
    analysis: dict[str, Any] | None = None
    """Findings of the analyses of the batch's pipeline, by their keys."""
    error: Fault | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the item's line in a commit file."""
        line = {name: value for name, value in vars(self).items() if value is not None}
        if self.error is not None:
            line["error"] = self.error.as_json()
        return line

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Outcome":
        """Read what `as_json` wrote; raises `TypeError` for anything else."""
        error = Fault(**line["error"]) if "error" in line else None
        return cls(**{**line, "error": error})
