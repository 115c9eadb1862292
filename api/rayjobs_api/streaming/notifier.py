"""Wakes the streams of events when their batch has moved, so that its end is told at once."""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from rayjobs.errors import RayJobsError
from rayjobs.ports import Batches

_LISTEN_S = 1.0
"""Longest wait for an announcement, before a look at whether anybody still listens."""
_BACK_OFF_S = 1.0
"""Before the registry is asked again that went away."""

_log = logging.getLogger("rayjobs_api.streaming.notifier")


class Subscription:
    """What one stream waits at."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rang = asyncio.Event()
        # What moved before anybody listened is found by a look at once.
        self._rang.set()

    def ring(self) -> None:
        """End the wait, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rang.set)

    async def wait(self, timeout_s: float) -> None:
        """Wait for a ring since the last wait, or until the time is up."""
        try:
            await asyncio.wait_for(self._rang.wait(), timeout_s)
        except TimeoutError:
            return
        self._rang.clear()


class Notifier:
    """Hears of batches that moved, in one thread for all streams, as long as there is one."""

    def __init__(self, registry: Batches, closing: threading.Event) -> None:
        self._registry = registry
        self._closing = closing
        self._rings: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._lock = threading.Lock()
        self._listens = False

    @contextmanager
    def listening(self, batch_id: str) -> Iterator[Subscription]:
        """Give what rings for a batch; without the registry it never does."""
        ring = Subscription()
        with self._lock:
            self._rings[batch_id].add(ring)
            if not self._listens:
                self._listens = True
                threading.Thread(target=self._listen, name="bell", daemon=True).start()
        try:
            yield ring
        finally:
            with self._lock:
                self._rings[batch_id].discard(ring)
                if not self._rings[batch_id]:
                    del self._rings[batch_id]

    def _listen(self) -> None:
        while self._is_wanted():
            try:
                if (moved := self._registry.moved(_LISTEN_S)) is not None:
                    self._ring(moved)
            except RayJobsError as error:
                _log.warning("streams look by themselves for now: %s", error)
                self._closing.wait(_BACK_OFF_S)

    def _is_wanted(self) -> bool:
        with self._lock:
            self._listens = bool(self._rings) and not self._closing.is_set()
            return self._listens

    def _ring(self, batch_id: str) -> None:
        with self._lock:
            for ring in self._rings.get(batch_id, ()):
                ring.ring()
