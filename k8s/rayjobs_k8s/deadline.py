"""One budget of time, shared by all that must fit into it."""

import threading
import time
from collections.abc import Iterator

_NEVER = threading.Event()
"""Waited on in place of a sleep."""


class Deadline:
    """A moment by which something must have happened."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._end = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds left; not below 0."""
        return max(0.0, self._end - time.monotonic())

    def ticks(self, interval_s: float) -> Iterator[float]:
        """Give the seconds gone by, at once and then after each interval, until the time is over."""
        while self.left_s:
            yield self.limit_s - self.left_s
            _NEVER.wait(min(interval_s, self.left_s))
