"""The mark that makes the slots of a worker begin no more items: the worker drains.

The mark is a file beside the files of the slots' status; the worker's agent keeps it fresh. So a mark that
outlived its agent, for example on a machine that was switched off, loses its effect.
"""

import time
from contextlib import suppress
from pathlib import Path

_LIFE_S = 30.0
"""Age at which the mark has no effect any more; an agent that restarts has this time to refresh it."""


class DrainMark:
    """The drain mark of one worker, in the folder of its slots' status."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "drain"

    def put(self) -> None:
        """Set the mark, or refresh it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()

    def lift(self) -> None:
        """Remove the mark, if there is one."""
        self._path.unlink(missing_ok=True)

    def holds(self) -> bool:
        """Return whether the worker drains; costs one `stat` of a file."""
        with suppress(FileNotFoundError):
            return time.time() - self._path.stat().st_mtime < _LIFE_S
        return False
