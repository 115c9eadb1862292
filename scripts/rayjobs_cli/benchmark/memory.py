"""Measures the memory of a tree of processes: a page that several processes share counts once."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Thread
from typing import Self

import psutil

_POLL_S = 0.2
"""Between two samples; each costs some milliseconds of a core, so a measured run is not timed."""


class PeakMemory:
    """Measures the memory of trees of processes, from `with` to its end.

    Args:
        roots: Returns the numbers of the root processes.
    """

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        self._roots = roots
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.peak_mib: float | None = None
        """Peak of the proportional set size in MiB; None where the system does not report it."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            total = sum(_pss_bytes(process) for process in _family(self._roots()))
            if total:
                self.peak_mib = round(max(self.peak_mib or 0.0, total / 2**20), 1)
            self._stop.wait(_POLL_S)


def _family(roots: Iterable[int]) -> set[psutil.Process]:
    found = set()
    for pid in roots:
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            found |= {root, *root.children(recursive=True)}
    return found


def _pss_bytes(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(getattr(process.memory_full_info(), "pss", 0))
    return 0
