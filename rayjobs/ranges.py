"""Runs of items: what the queue holds instead of a record for each item."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Range:
    """The items `first .. first + count - 1` of a batch, at their `attempt`-th try (from 1)."""

    first: int
    count: int
    attempt: int = 1

    @property
    def end(self) -> int:
        """The index after the last item."""
        return self.first + self.count

    def indices(self) -> range:
        """Return the items' indices."""
        return range(self.first, self.end)

    def halves(self) -> "list[Range]":
        """Return the range for another attempt, in two halves where there are two items.

        Halving finds the one item that ends its process in log2(count) tries, and
        leaves it alone at the end, so that its neighbours go on without it.
        """
        left = self.count // 2
        parts = [Range(self.first, left), Range(self.first + left, self.count - left)]
        return [Range(p.first, p.count, self.attempt + 1) for p in parts if p.count]


def runs(indices: Iterable[int], attempt: int = 1) -> list[Range]:
    """Return the fewest ranges that hold exactly `indices`, in ascending order."""
    found: list[Range] = []
    for index in sorted(set(indices)):
        last = found[-1] if found else None
        if last is not None and last.end == index:
            found[-1] = Range(last.first, last.count + 1, attempt)
        else:
            found.append(Range(index, 1, attempt))
    return found
