"""A chunk as an engine gets it: what it must know to carry the items out, and nothing else."""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from rayjobs.model.item import Item, Outcome


@dataclass(frozen=True)
class Assignment:
    """Items of one batch, at one attempt."""

    batch_id: str
    attempt: int
    document: dict[str, Any]
    """The batch's, from which `spec.Work` is read."""
    items: tuple[Item, ...]

    def without(self, indices: Container[int]) -> "Assignment":
        """Return what is left of it."""
        return replace(self, items=tuple(item for item in self.items if item.index not in indices))

    def again(self, index: int) -> "Assignment":
        """Return one item of it at its next attempt."""
        [item] = (item for item in self.items if item.index == index)
        return replace(self, attempt=self.attempt + 1, items=(item,))

    def as_bytes(self) -> bytes:
        """Return it as an engine process is told."""
        rows = [(item.index, item.as_json()) for item in self.items]
        return orjson.dumps([self.batch_id, self.attempt, self.document, rows])

    @classmethod
    def of(cls, raw: bytes) -> "Assignment":
        """Read what `as_bytes` wrote."""
        batch_id, attempt, document, rows = orjson.loads(raw)
        return cls(batch_id, attempt, document, tuple(Item.of(*row) for row in rows))


class Engine(Protocol):
    """What carries assignments out, one at a time."""

    def warm(self) -> None:
        """Get ready, so that the first assignment need not wait."""

    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        """Return the outcome of each item, in the items' order; their outputs are in the store.

        Items that were not begun when the worker began to drain have none.

        Raises:
            StoreUnavailableError: The store is away; some outputs may have been written.
            EngineUnavailableError: No engine process can be kept alive.
        """

    def leave(self) -> list[Outcome]:
        """Begin no other item of the assignment that was interrupted; return the outcomes that it has."""
