"""Stands beside a worker and registers it by heartbeats; never decodes, and is no Ray actor.

Ray: an actor, even one with no CPU, would keep the autoscaler from ever seeing the node idle.
"""

import logging
import platform
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import psutil

from rayjobs.engine.drain import DrainMark
from rayjobs.engine.rendering import engine_versions
from rayjobs.engine.slot_status import SlotStatus, SlotStatusReader
from rayjobs.errors import BackendError
from rayjobs.filters import plugin_versions
from rayjobs.model.worker import InHand, Worker
from rayjobs.ports import Registry
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_LOOK_S = 0.5
"""Between two looks at the slots and at the run's id."""
_BUSY_BEAT_S = 1.0
"""Between two heartbeats while what is in hand changes, so that people see it live."""
_LEAVE_S = 5.0
"""Longest time that a worker which leaves waits for what its slots have in hand."""
_RATE_S = 10.0
"""Time over which images a second are counted."""


class Agent:
    """Describes one worker to the registry until it is told to stop."""

    def __init__(
        self, registry: Registry, settings: Settings, slots: int, capabilities: dict[str, list[str]]
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._slots = slots
        self._capabilities = capabilities
        self._board = SlotStatusReader(settings.slot_status_folder)
        self._mark = DrainMark(settings.slot_status_folder)
        self._draining = self._mark.holds()
        self._processes: dict[int, psutil.Process] = {}
        self._done_by_gone = 0
        self._last_done: dict[int, int] = {}
        self._history: deque[tuple[float, int]] = deque()
        self._beat_at = 0.0
        self._run_id = ""
        self._shown: tuple[InHand, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Beat until `stop` is set, then let the slots end what is in hand and leave the registry."""
        while not stop.wait(_LOOK_S):
            self._patiently(self.look)
        until = time.monotonic() + _LEAVE_S
        self._draining = True
        self._patiently(self.look)
        while self._shown and time.monotonic() < until:
            time.sleep(_LOOK_S / 5)
            self._patiently(self.look)
        self._patiently(lambda: self._registry.leave(self._settings.worker_id))
        self._mark.lift()

    def _patiently(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BackendError as error:
            log.warning("heartbeat is tried again: %s", error)

    def look(self) -> None:
        """Beat if it is time to, if what is in hand or asked for changed, or if a new run has begun."""
        if self._draining:
            self._mark.put()
        words = self._words()
        in_hand = tuple(InHand(word.batch_id, word.index) for word in words if word.batch_id is not None)
        age = time.monotonic() - self._beat_at
        changed = in_hand != self._shown and (age >= _BUSY_BEAT_S or not in_hand)
        if not self._draining and self._registry.drains(self._settings.worker_id):
            # Told first, marked at the next look: so nothing is sent here only to be given back.
            self._draining = changed = True
        if age >= self._settings.heartbeat_s or changed or self._registry.run_id() != self._run_id:
            self._run_id = self._registry.beat(self._describe(words, in_hand), self._settings.worker_ttl_s)
            self._beat_at = time.monotonic()  # one that was not answered is repeated at the next look
            self._shown = in_hand

    def _words(self) -> list[SlotStatus]:
        found = []
        for word in self._board.words():
            if self._process(word.pid) is None:
                self._forget(word.pid)
                continue
            self._last_done[word.pid] = word.done
            found.append(word)
        return found

    def _process(self, pid: int) -> psutil.Process | None:
        """Return a process that runs: the same object each time, which knows when it was last asked."""
        try:
            process = self._processes.setdefault(pid, psutil.Process(pid))
        except psutil.NoSuchProcess:
            return None
        return process if process.is_running() else None

    def _forget(self, pid: int) -> None:
        self._done_by_gone += self._last_done.pop(pid, 0)
        self._processes.pop(pid, None)
        self._board.forget(pid)

    def _load(self, words: list[SlotStatus]) -> tuple[int, float]:
        """Return resident bytes and processor time, in percent of a core, of slots and their engines."""
        pids = {pid for word in words for pid in (word.pid, word.engine_pid) if pid}
        for gone in self._processes.keys() - pids:
            del self._processes[gone]
        rss, cpu = 0, 0.0
        for process in filter(None, map(self._process, pids)):
            with suppress(psutil.Error):  # it ended between the two looks; the next one forgets it
                rss += process.memory_info().rss
                cpu += process.cpu_percent()
        return rss, cpu

    def _describe(self, words: list[SlotStatus], in_hand: tuple[InHand, ...]) -> Worker:
        rss, cpu = self._load(words)
        done = self._done_by_gone + sum(self._last_done.values())
        return Worker(
            id=self._settings.worker_id,
            node=platform.node(),
            pod=self._settings.pod,
            slots=self._slots,
            items_done=done,
            images_per_s=round(self._rate(done), 2),
            rss_bytes=rss,
            cpu_percent=round(cpu, 1),
            draining=self._draining,
            in_hand=in_hand,
            capabilities=self._capabilities,
            engine_versions=engine_versions() | plugin_versions(),
        )

    def _rate(self, done: int) -> float:
        now = time.monotonic()
        self._history.append((now, done))
        while len(self._history) > 1 and now - self._history[0][0] > _RATE_S:
            self._history.popleft()
        then, before = self._history[0]
        return (done - before) / (now - then) if now > then else 0.0
