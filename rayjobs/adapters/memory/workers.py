"""Who leads and which workers are registered: the part of the registry in memory that knows no batch."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from typing_extensions import override

from rayjobs.adapters.redis.keys import DRAIN_S
from rayjobs.errors import NotFoundError
from rayjobs.model.worker import Worker
from rayjobs.ports import MemoryUse, Registry
from rayjobs.settings import Settings


class MemoryWorkers(Registry):
    """Implements the farm's part of `ports.Registry`; `clock` gives seconds since the epoch."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.RLock()
        self._fence = 0
        self._lead: tuple[str, int, float] | None = None
        self._workers: dict[str, tuple[Worker, float]] = {}
        self._drains: dict[str, float] = {}
        self._run = ""

    @property
    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _token(self) -> int:
        self._fence = max(self._fence + 1, self._now_ms)
        return self._fence

    @override
    def ping(self) -> None:
        return

    @override
    def memory(self) -> MemoryUse:
        return MemoryUse(0, 0)

    @override
    def run_id(self) -> str:
        return self._run

    @override
    def beat(self, worker: Worker, ttl_s: float) -> str:
        with self._lock:
            self._workers[worker.id] = (replace(worker, beat_ms=self._now_ms), self._clock() + ttl_s)
            return self._run

    @override
    def leave(self, worker_id: str) -> None:
        with self._lock:
            self._workers.pop(worker_id, None)

    @override
    def drain(self, worker_id: str) -> None:
        with self._lock:
            if all(worker.id != worker_id for worker in self.workers()):
                raise NotFoundError(f"no worker {worker_id!r} is registered")
            self._drains[worker_id] = self._clock() + DRAIN_S

    @override
    def drains(self, worker_id: str) -> bool:
        with self._lock:
            return self._drains.get(worker_id, 0) > self._clock()

    @override
    def workers(self) -> list[Worker]:
        with self._lock:
            return [worker for worker, end in self._workers.values() if end > self._clock()]

    @override
    def leader(self) -> str | None:
        with self._lock:
            return self._lead[0] if self._lead and self._lead[2] > self._clock() else None

    @override
    def lead(self, holder: str, ttl_s: float) -> int | None:
        with self._lock:
            if self.leader() not in (None, holder):
                return None
            token = self._lead[1] if self._lead and self.leader() == holder else self._token()
            self._lead = (holder, token, self._clock() + ttl_s)
            return token

    @override
    def resign(self, holder: str) -> None:
        with self._lock:
            if self.leader() == holder:
                self._lead = None
