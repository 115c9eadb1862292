"""The registry in memory, as far as it follows the record: the twin of `redis_restoring`."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from rayjobs.adapters.memory.batch import Entry
from rayjobs.adapters.memory.workers import MemoryWorkers
from rayjobs.errors import NotFoundError, RegistryBehindError
from rayjobs.model.batch import TERMINAL, Move, State
from rayjobs.model.lease import Lease
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Replayed, Settled
from rayjobs.settings import Settings

_KEY_MS = 24 * 3600 * 1000
"""Life of an idempotency key, as in `redis_restoring`."""


class MemoryRestoring(MemoryWorkers):
    """Implements the part of `ports.Registry` that recovery speaks to, on the state that all of it shares."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        super().__init__(settings, clock)
        self._queued = threading.Event()
        self._moved: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._runs = 0
        self._begin_run()

    def lose(self) -> None:
        """Forget everything, as a server does that was flushed."""
        with self._lock:
            self._begin_run()
            self._lead = None
            self._fence = 0

    def _begin_run(self) -> int:
        forgotten = 0 if not self._runs else 3 * len(self._entries) + len(self._workers)
        self._runs += 1
        self._run = f"r_{int(self._clock() * 1e6):x}{self._runs}"
        self._restored = False
        self._entries: dict[str, Entry] = {}
        self._listed: set[str] = set()
        self._keys: dict[str, tuple[str, str]] = {}
        self._leases: dict[int, tuple[Lease, float]] = {}
        self._workers.clear()
        self._moves: list[Move] = []
        self._gone: dict[str, float] = {}
        self._virtual = 0.0
        self._stale = 0
        return forgotten

    def _entry(self, batch_id: str) -> Entry:
        if batch_id not in self._entries:
            raise NotFoundError(f"there is no batch {batch_id!r}")
        return self._entries[batch_id]

    def _check_restored(self) -> None:
        if not self._restored:
            raise RegistryBehindError(f"the run {self._run} is being restored from the record")

    def _enqueue(self, entry: Entry, ranges: Sequence[Range]) -> None:
        entry.ranges.extend(ranges)
        if entry.state is State.PAUSED:
            return
        entry.virtual = max(entry.virtual, self._virtual)
        self._queued.set()

    def _finish(self, entry: Entry) -> Settled:
        idle = entry.exact and not entry.pending and not entry.running
        if idle and entry.state is not State.FINALIZING and entry.state not in TERMINAL:
            entry.move(State.FINALIZING, self._now_ms, "done")
        closable = entry.state is State.FINALIZING and not entry.running
        if closable:
            self._queued.set()
        return Settled(entry.state, closable)

    def _note(self, entry: Entry, said: dict[str, Any]) -> Move:
        move = Move.of({"id": f"{self._token()}-0", "batch_id": entry.id, **said})
        self._moves.append(move)
        self._moved.put(entry.id)
        return move

    def _lease_end(self) -> float:
        return self._clock() + self._settings.lease_s

    @override
    def restored(self) -> bool:
        return self._restored

    @override
    def enlist(self, batch_ids: Sequence[str], *, last: bool) -> None:
        with self._lock:
            self._listed |= set(batch_ids)
            self._restored = self._restored or last

    @override
    def restore(self, standing: Replayed, *, add: bool = False) -> bool:
        with self._lock:
            new = standing.batch
            if self._gone.get(new.id, 0) > self._now_ms:
                raise NotFoundError(f"there is no batch {new.id!r}")
            known = self._entries.get(new.id)
            if known and (
                known.reopened > standing.reopened or (add and (standing.closed or not known.ended))
            ):
                return False
            self._give_key(new)
            self._drop(new.id)
            self._entries[new.id] = entry = Entry.restored(standing, self._now_ms, self._note)
            self._listed.add(new.id)
            self._fence = max(self._fence, standing.fence)
            for lease in standing.running:
                adopted = Lease(lease.token, lease.batch_id, self._run, lease.range)
                self._leases[lease.token] = (adopted, self._lease_end())
            if standing.closed is None:
                entry.progress(self._now_ms, at_once=True)
                self._enqueue(entry, standing.waiting)
                entry.judge(self._now_ms)
                self._finish(entry)
            return True

    def _give_key(self, new: NewBatch) -> None:
        """Give a restored batch its key, which it takes from nobody, for the rest of the key's life."""
        holder, _ = self._keys.get(new.idempotency_key or "", (None, None))
        over = new.created_ms is not None and self._now_ms >= new.created_ms + _KEY_MS
        if new.idempotency_key is not None and holder not in self._entries and not over:
            self._keys[new.idempotency_key] = (new.id, new.body_hash)

    def _drop(self, batch_id: str) -> None:
        self._entries.pop(batch_id, None)
        self._leases = {t: held for t, held in self._leases.items() if held[0].batch_id != batch_id}

    @override
    def unfinished(self) -> list[str]:
        with self._lock:
            return [entry.id for entry in self._entries.values() if not entry.ended]

    @override
    def forget(self, batch_id: str) -> None:
        with self._lock:
            self._drop(batch_id)
            self._listed.discard(batch_id)

    @override
    def sweep(self) -> int:
        return 0
