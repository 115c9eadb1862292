"""Waits for something to come true, with a limit."""

import threading
import time
from collections.abc import Callable, Iterator

_NEVER = threading.Event()
"""Waited on in place of a sleep, so that one name says where this project may pause."""


def pause(seconds: float) -> None:
    """Let a time go by; for where nothing tells that it is enough."""
    _NEVER.wait(seconds)


def ticks(limit_s: float, interval_s: float = 0.1) -> Iterator[float]:
    """Give the seconds gone by, at once and then after each interval, until the limit is reached."""
    start = time.monotonic()
    while (gone := time.monotonic() - start) < limit_s:
        yield gone
        _NEVER.wait(interval_s)


def until(predicate: Callable[[], object], limit_s: float, interval_s: float = 0.1) -> bool:
    """Return whether `predicate` came true within the limit."""
    return any(predicate() for _ in ticks(limit_s, interval_s)) or bool(predicate())
