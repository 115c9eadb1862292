"""The mark by which the slots of a worker learn that they are to begin nothing more.

A file beside the slots' words, that the worker's agent keeps fresh: one that outlived its agent, on a machine
that was switched off in between, says nothing any more.
"""

import time
from contextlib import suppress
from pathlib import Path

_LIFE_S = 30.0
"""Age at which the mark is nobody's; an agent that is started again has this time to go on."""


class DrainMark:
    """The mark of one worker, in its board's folder."""

    def __init__(self, board: Path) -> None:
        self._path = board / "drain"

    def put(self) -> None:
        """Set the mark, or keep it fresh."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()

    def lift(self) -> None:
        """Take the mark away."""
        self._path.unlink(missing_ok=True)

    def holds(self) -> bool:
        """Whether the worker is to begin nothing more; costs one look at a file."""
        with suppress(FileNotFoundError):
            return time.time() - self._path.stat().st_mtime < _LIFE_S
        return False
