"""Waits until a condition is true, with a limit."""

import threading
import time
from collections.abc import Callable, Iterator

_NEVER = threading.Event()
"""Never set. Every pause of the commands waits for it, so a search for one name finds them all."""


def pause(seconds: float) -> None:
    """Wait for a time; only where no condition can be polled."""
    _NEVER.wait(seconds)


def ticks(limit_s: float, interval_s: float = 0.1) -> Iterator[float]:
    """Yield the elapsed seconds, at once and then after each interval, until the limit."""
    start = time.monotonic()
    while (gone := time.monotonic() - start) < limit_s:
        yield gone
        _NEVER.wait(interval_s)


def until(predicate: Callable[[], object], limit_s: float, interval_s: float = 0.1) -> bool:
    """Return whether `predicate` became true within the limit."""
    return any(predicate() for _ in ticks(limit_s, interval_s)) or bool(predicate())
