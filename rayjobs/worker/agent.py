"""The agent of a worker: registers the worker by heartbeats; never decodes, and is no Ray actor.

It is no actor because Ray's autoscaler never takes a node for idle that has an actor, even one without a CPU.
"""

import logging
import platform
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import psutil

from rayjobs.engine.drain import DrainMark
from rayjobs.engine.rendering import engine_versions
from rayjobs.engine.slot_status import SlotStatus, SlotStatusReader
from rayjobs.errors import BackendError
from rayjobs.filters import plugin_versions
from rayjobs.model.worker import InHand, Worker
from rayjobs.ports import Leadership, Workers
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_POLL_S = 0.5
"""Time between two checks of the slots' status and of the run's id."""
_BUSY_BEAT_S = 1.0
"""Time between two heartbeats while the items in hand change, so that people see the change at once."""
_LEAVE_S = 5.0
"""Longest time that a worker which ends waits for the items in hand of its slots."""
_RATE_S = 10.0
"""Time over which the images per second are counted."""


class AgentRegistry(Workers, Leadership, Protocol):
    """The parts of the registry that an agent uses: its heartbeats, and the id of the present run."""


class Agent:
    """Registers one worker and keeps it registered, until it is stopped."""

    def __init__(
        self, registry: AgentRegistry, settings: Settings, slots: int, capabilities: dict[str, list[str]]
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._slots = slots
        self._capabilities = capabilities
        self._statuses = SlotStatusReader(settings.slot_status_folder)
        self._mark = DrainMark(settings.slot_status_folder)
        self._draining = self._mark.holds()
        self._processes: dict[int, psutil.Process] = {}
        self._done_by_gone = 0
        self._last_done: dict[int, int] = {}
        self._samples: deque[tuple[float, int]] = deque()
        self._beat_at = 0.0
        self._run_id = ""
        self._shown: tuple[InHand, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Send heartbeats until `stop` is set; then drain, wait for the items in hand, and unregister."""
        while not stop.wait(_POLL_S):
            self._try(self.look)
        until = time.monotonic() + _LEAVE_S
        self._draining = True
        self._try(self.look)
        while self._shown and time.monotonic() < until:
            time.sleep(_POLL_S / 5)
            self._try(self.look)
        self._try(lambda: self._registry.leave(self._settings.worker_id))
        self._mark.lift()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BackendError as error:
            log.warning("the heartbeat failed and is repeated: %s", error)

    def look(self) -> None:
        """Send a heartbeat if one is due, if the items in hand or the drain changed, or in a new run."""
        if self._draining:
            self._mark.put()
        statuses = self._live_statuses()
        in_hand = tuple(
            InHand(status.batch_id, status.index) for status in statuses if status.batch_id is not None
        )
        age = time.monotonic() - self._beat_at
        changed = in_hand != self._shown and (age >= _BUSY_BEAT_S or not in_hand)
        if not self._draining and self._registry.drains(self._settings.worker_id):
            # The registry learns it now, the slots at the next check: so the dispatcher sends no chunk that
            # a draining slot would only give back.
            self._draining = changed = True
        if age >= self._settings.heartbeat_s or changed or self._registry.run_id() != self._run_id:
            self._run_id = self._registry.beat(self._describe(statuses, in_hand), self._settings.worker_ttl_s)
            self._beat_at = (
                time.monotonic()
            )  # reached only if the registry answered; otherwise the next check repeats it
            self._shown = in_hand

    def _live_statuses(self) -> list[SlotStatus]:
        found = []
        for status in self._statuses.statuses():
            if self._process(status.pid) is None:
                self._forget(status.pid)
                continue
            self._last_done[status.pid] = status.done
            found.append(status)
        return found

    def _process(self, pid: int) -> psutil.Process | None:
        """Return the process if it runs: always the same object, which counts CPU since its last use."""
        try:
            process = self._processes.setdefault(pid, psutil.Process(pid))
        except psutil.NoSuchProcess:
            return None
        return process if process.is_running() else None

    def _forget(self, pid: int) -> None:
        self._done_by_gone += self._last_done.pop(pid, 0)
        self._processes.pop(pid, None)
        self._statuses.forget(pid)

    def _load(self, statuses: list[SlotStatus]) -> tuple[int, float]:
        """Return resident bytes and processor time, in percent of a core, of slots and their engines."""
        pids = {pid for status in statuses for pid in (status.pid, status.engine_pid) if pid}
        for gone in self._processes.keys() - pids:
            del self._processes[gone]
        rss, cpu = 0, 0.0
        for process in filter(None, map(self._process, pids)):
            with suppress(psutil.Error):  # it has ended since it was listed; the next check forgets it
                rss += process.memory_info().rss
                cpu += process.cpu_percent()
        return rss, cpu

    def _describe(self, statuses: list[SlotStatus], in_hand: tuple[InHand, ...]) -> Worker:
        rss, cpu = self._load(statuses)
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
        self._samples.append((now, done))
        while len(self._samples) > 1 and now - self._samples[0][0] > _RATE_S:
            self._samples.popleft()
        then, before = self._samples[0]
        return (done - before) / (now - then) if now > then else 0.0
