"""The registry in memory, for tests: the twin of the one on Redis, under the same contract suite."""

import queue
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from rayjobs.adapters.memory.batch import Entry
from rayjobs.adapters.memory.queue import queue_status
from rayjobs.adapters.memory.restoring import MemoryRestoring
from rayjobs.errors import IdempotencyMismatchError, LeaseLostError, QueueFullError
from rayjobs.model.batch import CLAIMABLE, Batch, Move, State, Verb, open_state
from rayjobs.model.item import Fault
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Page, Purged, QueueStatus, Retry, Settled, Submitted, Told

_GONE_S = 60
"""How long a deleted batch is not restored, as in `redis_keys`."""


class MemoryRegistry(MemoryRestoring):
    """Implements `ports.Registry` for one process; `clock` gives seconds since the epoch."""

    @override
    def submit(self, batch: NewBatch) -> Submitted:
        with self._lock:
            if batch.idempotency_key is not None:
                before = self.known(batch.idempotency_key, batch.body_hash)
                if before is not None:
                    return Submitted(before, created=False)
            waiting = sum(not entry.ended for entry in self._entries.values())
            if waiting >= self._settings.max_waiting_batches:
                raise QueueFullError(f"{waiting} batches wait, the limit is RAYJOBS_MAX_WAITING_BATCHES")
            if batch.id in self._entries:
                return Submitted(batch.id, created=False)
            entry = Entry.of(batch, self._now_ms, self._note)
            self._entries[batch.id] = entry
            self._listed.add(batch.id)
            if batch.idempotency_key is not None:
                self._keys[batch.idempotency_key] = (batch.id, batch.body_hash)
            self._enqueue(entry, [Range(0, batch.total)] if batch.total else [])
            return Submitted(batch.id, created=True)

    @override
    def known(self, idempotency_key: str, body_hash: str) -> str | None:
        with self._lock:
            batch_id, before = self._keys.get(idempotency_key, (None, body_hash))
            if before != body_hash:
                raise IdempotencyMismatchError(f"this Idempotency-Key made {batch_id} from another body")
            return batch_id

    @override
    def extend(self, batch_id: str, total: int) -> bool:
        with self._lock:
            entry = self._entry(batch_id)
            if entry.exact:
                return False
            if total > entry.total:
                self._enqueue(entry, [Range(entry.total, total - entry.total)])
                entry.total = total
            return True

    @override
    def seal(
        self, batch_id: str, error: dict[str, Any] | None = None, remarks: dict[str, Any] | None = None
    ) -> Settled:
        with self._lock:
            entry = self._entry(batch_id)
            if not entry.exact:
                entry.exact, entry.error, entry.remarks = True, error, remarks or {}
                if entry.pending + entry.running and entry.state is State.EXPANDING:
                    to = open_state(exact=True, started=entry.started_ms is not None)
                    entry.move(to, self._now_ms, "listed")
                entry.judge(self._now_ms)
            return self._finish(entry)

    @override
    def claim(self, leader: int, slots: int, pace: Pace, most: int) -> list[Lease]:
        with self._lock:
            held = self._lead[1] if self._lead and self._lead[2] > self._clock() else None
            if held != leader:
                raise LeaseLostError(f"another dispatcher leads, with token {held}")
            leases: list[Lease] = []
            while len(leases) < most:
                waiting = [e for e in self._entries.values() if e.ranges and e.state in CLAIMABLE]
                if not waiting:
                    break
                entry = min(waiting, key=lambda e: (e.virtual, e.id))
                leases.append(self._take(entry, entry.take(slots, pace)))
            return leases

    def _take(self, entry: Entry, chunk: Range) -> Lease:
        lease = Lease(self._token(), entry.id, self._run, chunk)
        self._leases[lease.token] = (lease, self._lease_end())
        entry.started_ms = entry.started_ms or self._now_ms
        if entry.state is State.QUEUED:
            entry.move(State.RUNNING, self._now_ms, "claimed")
        self._virtual = entry.virtual
        entry.virtual += chunk.count * (entry.item_ms or 100) / 2**entry.priority
        return lease

    @override
    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        with self._lock:
            until = self._lease_end()
            self._leases |= {lease.token: (lease, until) for lease in leases if lease.token in self._leases}
            lost = [lease for lease in leases if lease.token not in self._leases]
            return lost if self._restored else []

    @override
    def settle(self, lease: Lease, tally: Tally) -> Settled:
        with self._lock:
            if lease.token not in self._leases:
                self._stale += self._restored
                raise LeaseLostError(f"the lease {lease.token} is no longer held")
            entry = self._entry(lease.batch_id)
            back = entry.settle(lease.range, tally, self._now_ms)
            del self._leases[lease.token]
            if back:
                self._enqueue(entry, back)
            entry.progress(self._now_ms, at_once=not entry.pending + entry.running)
            return self._finish(entry)

    @override
    def leases(self, *, expired: bool = False, batch_id: str | None = None) -> list[Lease]:
        with self._lock:
            until = self._clock() if expired else float("inf")
            held = sorted(self._leases.values(), key=lambda pair: (pair[1], pair[0].token))
            return [le for le, end in held if end <= until and batch_id in (None, le.batch_id)]

    @override
    def steer(
        self,
        batch_id: str,
        verb: Verb,
        actor: str,
        cause: str | None = None,
        error: Fault | None = None,
        *,
        whole: bool = False,
    ) -> Batch:
        with self._lock:
            if whole:
                self._check_restored()
            entry = self._entry(batch_id)
            entry.steer(verb, self._now_ms, cause or verb, actor, error.as_json() if error else None)
            if entry.ranges and entry.state in CLAIMABLE:
                self._enqueue(entry, [])
            self._finish(entry)
            return entry.view(self._run, self._now_ms)

    @override
    def delete(self, batch_id: str) -> Batch:
        with self._lock:
            self._check_restored()
            entry = self._entry(batch_id)
            entry.allowed(Verb.DELETE, entry.state)
            entry.check_reserved(self._now_ms)
            self._gone[batch_id] = self._now_ms + _GONE_S * 1000
            del self._entries[batch_id]
            self._listed.discard(batch_id)
            self._keys = {key: known for key, known in self._keys.items() if known[0] != batch_id}
            return entry.view(self._run, self._now_ms)

    @override
    def moves(self, written: Sequence[Move] = (), *, batch_id: str | None = None) -> list[Move]:
        with self._lock:
            gone = {move.id for move in written}
            self._moves = [move for move in self._moves if move.id not in gone]
            return [move for move in self._moves if batch_id in (None, move.batch_id)][:1000]

    @override
    def reserve(self, batch_id: str) -> int:
        with self._lock:
            self._check_restored()
            token = self._token()
            self._entry(batch_id).reserve(token, self._now_ms)
            return token

    @override
    def retry(self, batch_id: str, retry: Retry, actor: str) -> Batch:
        with self._lock:
            self._check_restored()
            entry = self._entry(batch_id)
            entry.reopen(retry, self._now_ms, actor, self._token())
            self._enqueue(entry, retry.ranges)
            return entry.view(self._run, self._now_ms)

    @override
    def closable(self) -> list[str]:
        with self._lock:
            return [e.id for e in self._entries.values() if e.state is State.FINALIZING and not e.running]

    @override
    def expanding(self) -> list[str]:
        with self._lock:
            return [e.id for e in self._entries.values() if not e.exact]

    @override
    def overdue(self) -> list[str]:
        with self._lock:
            return [e.id for e in self._entries.values() if e.overdue(self._now_ms)]

    @override
    def close(self, batch_id: str, state: State, finished_ms: int | None = None) -> Batch:
        with self._lock:
            entry = self._entry(batch_id)
            if entry.state is State.FINALIZING and not entry.running:
                entry.close(state, finished_ms or self._now_ms)
            return entry.view(self._run, self._now_ms)

    @override
    def get(self, batch_id: str, *, whole: bool = False) -> Batch:
        with self._lock:
            if whole:
                self._check_restored()
            return self._entry(batch_id).view(self._run, self._now_ms)

    @override
    def page(
        self, *, limit: int, cursor: str | None, state: State | None, label: tuple[str, str] | None
    ) -> Page:
        with self._lock:
            self._check_restored()
            older = sorted((i for i in self._listed if cursor is None or i < cursor), reverse=True)
            known = self._entries
            shown = [i for i in older if i not in known or known[i].matches(state, label)][:limit]
            more = bool(shown) and len(shown) == limit and older[-1] != shown[-1]
            views = [known[i].view(self._run, self._now_ms) for i in shown if i in known]
            forgotten = tuple(i for i in shown if i not in known)
            return Page(views, shown[-1] if more else None, forgotten)

    @override
    def events(self, batch_id: str, after: str | None) -> Told:
        behind = int((after or "0").partition("-")[0])  # an id of Redis has a second number
        with self._lock:
            self._check_restored()
            entry = self._entry(batch_id)
            found = [event for event in entry.events if after is None or int(event.id) > behind]
            return Told(found, entry.end if entry.ended else None)

    @override
    def queue(self) -> QueueStatus:
        with self._lock:
            views = [e.view(self._run, self._now_ms) for e in self._entries.values() if not e.ended]
            status = queue_status(self._run, views, len(self._leases), self._stale, self._now_ms)
            return replace(status, complete=self._restored)

    @override
    def purge(self) -> Purged:
        with self._lock:
            deleted = self._begin_run()
            return Purged(self._run, deleted)

    @override
    def wait(self, timeout_s: float) -> bool:
        queued = self._queued.wait(timeout_s)
        self._queued.clear()
        return queued

    @override
    def moved(self, timeout_s: float) -> str | None:
        try:
            return self._moved.get(timeout=timeout_s)
        except queue.Empty:
            return None
