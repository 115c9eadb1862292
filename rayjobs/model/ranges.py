"""Ranges: runs of items, which the queue holds instead of a record for each item."""

from bisect import bisect_left, bisect_right
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
        """Return the range for another attempt, in two halves if it has two items or more.

        If one item ends its process, halving isolates it in log2(count) attempts; its
        neighbours then run without it.
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


class Cover:
    """A set of items, held as runs; to ask and to add cost the logarithm of the number of runs."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def gaps(self, wanted: Range) -> list[Range]:
        """Return the parts of `wanted` that are not in the set, in ascending order."""
        found, here = [], wanted.first
        at = max(bisect_right(self._starts, here) - 1, 0)
        while at < len(self._starts) and self._starts[at] < wanted.end:
            if here < self._starts[at]:
                found.append(Range(here, self._starts[at] - here, wanted.attempt))
            here = max(here, self._ends[at])
            at += 1
        if here < wanted.end:
            found.append(Range(here, wanted.end - here, wanted.attempt))
        return found

    def add(self, more: Range) -> None:
        """Add these items, at least one, to the set."""
        left = bisect_left(self._ends, more.first)
        right = bisect_right(self._starts, more.end)
        first, end = more.first, more.end
        if left < right:
            first, end = min(first, self._starts[left]), max(end, self._ends[right - 1])
        self._starts[left:right] = [first]
        self._ends[left:right] = [end]
