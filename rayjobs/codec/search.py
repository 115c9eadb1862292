"""Search for the quality whose file is small enough, or similar enough, in at most eight tries.

One try is at the highest quality; seven halve the range of 1 to 99.
"""

from collections.abc import Callable


def highest(highest: int, fits: Callable[[int], bool]) -> int | None:
    """Return the highest quality that fits, None if none does; if one does not fit, no higher one does."""
    if fits(highest):
        return highest
    return _halved(1, highest - 1, fits)


def lowest(highest: int, is_enough: Callable[[int], bool]) -> int:
    """Return the lowest quality that is enough; `highest` if no lower one is."""
    worse = _halved(1, highest - 1, lambda quality: not is_enough(quality))
    return (worse or 0) + 1


def _halved(low: int, high: int, holds: Callable[[int], bool]) -> int | None:
    """Return the last of `low..high` that holds; those that hold precede those that do not."""
    found = None
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            found, low = middle, middle + 1
        else:
            high = middle - 1
    return found
