"""The assignment: a chunk as an engine gets it, with all that its items need and nothing else."""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from rayjobs.model.item import Item, Outcome


@dataclass(frozen=True)
class Assignment:
    """Items of one batch, all at the same attempt."""

    batch_id: str
    attempt: int
    document: dict[str, Any]
    """The batch's document; `spec.Work` is parsed from it."""
    items: tuple[Item, ...]

    def without(self, indices: Container[int]) -> "Assignment":
        """Return the assignment without the items of these indices."""
        return replace(self, items=tuple(item for item in self.items if item.index not in indices))

    def again(self, index: int) -> "Assignment":
        """Return an assignment of one of the items, at its next attempt."""
        [item] = (item for item in self.items if item.index == index)
        return replace(self, attempt=self.attempt + 1, items=(item,))

    def as_bytes(self) -> bytes:
        """Return the assignment in JSON, for an engine process."""
        rows = [(item.index, item.as_json()) for item in self.items]
        return orjson.dumps([self.batch_id, self.attempt, self.document, rows])

    @classmethod
    def of(cls, raw: bytes) -> "Assignment":
        """Read what `as_bytes` wrote."""
        batch_id, attempt, document, rows = orjson.loads(raw)
        return cls(batch_id, attempt, document, tuple(Item.of(*row) for row in rows))


class Engine(Protocol):
    """Carries assignments out, one at a time."""

    def warm(self) -> None:
        """Prepare all that is needed, so that the first assignment does not wait."""

    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        """Return the outcome of each item, in the items' order; the outputs are in the store.

        If the worker drains, the items that were not begun have no outcome.

        Raises:
            StoreUnavailableError: The store is away; some outputs may have been written.
            EngineUnavailableError: No engine process can be kept alive.
        """

    def leave(self) -> list[Outcome]:
        """Begin no more items of an assignment that was interrupted; return the outcomes that exist."""
