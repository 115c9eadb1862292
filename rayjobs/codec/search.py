"""Finding the quality whose file is small enough, or like enough, in eight tries at most.

One is at the highest quality, seven halve what is left of 1 to 99.
"""

from collections.abc import Callable


def highest(highest: int, fits: Callable[[int], bool]) -> int | None:
    """Return the highest quality that fits, None if none does; fitting is lost as quality grows."""
    if fits(highest):
        return highest
    return _halved(1, highest - 1, fits)


def lowest(highest: int, is_enough: Callable[[int], bool]) -> int:
    """Return the lowest quality that is enough, `highest` if none below it is."""
    worse = _halved(1, highest - 1, lambda quality: not is_enough(quality))
    return (worse or 0) + 1


def _halved(low: int, high: int, holds: Callable[[int], bool]) -> int | None:
    """Return the last of `low..high` that holds, if those that do come first."""
    found = None
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            found, low = middle, middle + 1
        else:
            high = middle - 1
    return found
