"""Shows how a long preparation goes: one line that changes on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from typing import TextIO

_PLAIN_INTERVAL_S = 10.0
"""Between two lines of a log; the line on a terminal changes with every update."""


class Progress:
    """Prints phases, and the state of the last phase."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._start = self._printed_at = time.monotonic()
        self._width = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first phase."""
        return time.monotonic() - self._start

    def phase(self, text: str) -> None:
        """Begin a phase on a line of its own."""
        self._write(text, end="\n")

    def update(self, text: str) -> None:
        """Print how far the phase is."""
        text = f"  {text}, {self.elapsed_s:.0f} s"
        if self._live:
            self._write(text, end="")
        elif time.monotonic() - self._printed_at >= _PLAIN_INTERVAL_S:
            self._write(text, end="\n")

    def _write(self, text: str, end: str) -> None:
        # Blanks erase the last line, not an escape sequence: every terminal understands blanks.
        erase = f"\r{' ' * self._width}\r" if self._width else ""
        print(erase + text, end=end, file=self._stream, flush=True)
        self._width = 0 if end else len(text)
        self._printed_at = time.monotonic()
