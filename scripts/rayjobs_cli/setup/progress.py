"""Tells how a long preparation goes: one line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

_PLAIN_INTERVAL_S = 10.0
"""Between two lines of a log; a terminal's line changes as often as it is told to."""


class Progress:
    """Phases, and what goes on within the last one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._start = self._told_at = time.monotonic()
        self._width = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first phase."""
        return time.monotonic() - self._start

    def phase(self, text: str) -> None:
        """Begin a phase on a line of its own."""
        self._write(text, end="\n")

    def update(self, text: str) -> None:
        """Tell how the phase goes."""
        text = f"  {text}, {self.elapsed_s:.0f} s"
        if self._live:
            self._write(text, end="")
        elif time.monotonic() - self._told_at >= _PLAIN_INTERVAL_S:
            self._write(text, end="\n")

    def _write(self, text: str, end: str) -> None:
        # Blanks rather than an escape sequence take the last line away: every terminal knows them.
        erase = f"\r{' ' * self._width}\r" if self._width else ""
        print(erase + text, end=end, file=self._stream, flush=True)
        self._width = 0 if end else len(text)
        self._told_at = time.monotonic()
