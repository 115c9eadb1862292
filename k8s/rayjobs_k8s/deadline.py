"""One limit of time that several waits share."""

import threading
import time
from collections.abc import Iterator

_NEVER = threading.Event()
"""Nothing sets this event: a wait for it is a pause."""


class Deadline:
    """The moment at which a limit of time ends; the limit starts now."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._end = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def ticks(self, interval_s: float) -> Iterator[float]:
        """Yield the seconds since the start, at once and then after each interval, until the limit ends."""
        while self.left_s:
            yield self.limit_s - self.left_s
            _NEVER.wait(min(interval_s, self.left_s))
