"""The chunks that the dispatcher has started and that have not come back, and which of these are overdue."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rayjobs.model.lease import Lease
from rayjobs.model.worker import Worker
from rayjobs.settings import Settings

_REMEMBERED = 32
"""Chunks by which the usual time of the next ones is told."""
_LEAST_S = 1.0
"""No chunk is overdue before this time: it has to reach its slot first."""
_GRACE_S = 15.0
"""Beyond the longest time that a picture may take: a slot that still shows the same one is frozen."""
_ABSENT_BEATS = 2
"""Heartbeats for which a worker is missing before it is lost: after a loss of the registry all are."""
_LOOK_S = 2.0
"""Most of the time between two looks that counts: in a longer one, nobody could be seen."""


@dataclass
class _Chunk:
    lease: Lease
    started_at: float
    moved_at: float
    """When it was last seen to go on, in watched time."""
    copies: int = 1
    worker: str | None = None
    """Where it was last seen."""
    index: int | None = None
    """The item that it was last seen with."""


@dataclass
class InFlight:
    """Safe to read from several threads; only the dispatcher's loop starts and lands chunks."""

    settings: Settings
    clock: Callable[[], float] = time.monotonic
    _chunks: dict[int, _Chunk] = field(default_factory=dict)
    _times_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _missed: dict[str, float] = field(default_factory=dict)
    """Workers that were seen with a chunk and are not registered, and since when, in watched time."""
    _watched_s: float = 0.0
    """Time in which workers could be seen: it stands still while the registry is away."""
    _looked_at: float = 0.0

    def __len__(self) -> int:
        """Return how many slots the chunks take, or wait for."""
        return sum(chunk.copies for chunk in list(self._chunks.values()))

    def __contains__(self, lease: Lease) -> bool:
        """Whether the lease's chunk is in flight."""
        return lease.token in self._chunks

    def leases(self) -> list[Lease]:
        """Return the leases of all chunks in flight."""
        return [chunk.lease for chunk in list(self._chunks.values())]

    def start(self, lease: Lease) -> None:
        """Note that a chunk was started."""
        self._chunks[lease.token] = _Chunk(lease, self.clock(), self._watched_s)

    def land(self, lease: Lease, *, whole: bool) -> bool:
        """Note that a chunk has come back; return whether that is of any meaning.

        One that is not `whole` has none while a copy of it is out, or where nobody waits for it any more.
        """
        chunk = self._chunks.get(lease.token)
        if chunk is None:
            return whole
        if not whole and chunk.copies > 1:
            chunk.copies -= 1
            return False
        self._times_s.append(self.clock() - chunk.started_at)
        return True

    def end(self, lease: Lease) -> bool:
        """Forget a chunk; return whether it was in flight."""
        return self._chunks.pop(lease.token, None) is not None

    def look(self, workers: Sequence[Worker]) -> list[Lease]:
        """Take in what the workers say they have in hand; return the chunks that nobody works on any more.

        Those are the chunks whose worker has let its registration run out and did not come back, and those
        that have shown the same item for longer than one may take.
        """
        now = self.clock()
        self._watched_s += min(now - self._looked_at, _LOOK_S)
        self._looked_at = now
        for worker in workers:
            for hand in worker.in_hand:
                for chunk in self._with(hand.batch_id, hand.index):
                    if (chunk.worker, chunk.index) != (worker.id, hand.index):
                        chunk.worker, chunk.index, chunk.moved_at = worker.id, hand.index, self._watched_s
        gone = self._gone({worker.id for worker in workers})
        frozen_at = self._watched_s - self.settings.item_deadline_s - _GRACE_S
        seen = [chunk for chunk in self._chunks.values() if chunk.worker is not None]
        return [c.lease for c in seen if c.worker in gone or c.moved_at < frozen_at]

    def idle(self, workers: Sequence[Worker]) -> list[Lease]:
        """Take in what the workers say; return the chunks of which no slot has an item in hand."""
        lost = self.look(workers)
        return [c.lease for c in self._chunks.values() if c.worker is None or c.lease in lost]

    def _gone(self, here: set[str]) -> list[str]:
        """Return the workers that had the time to register again, and did not."""
        absent = {chunk.worker for chunk in self._chunks.values() if chunk.worker is not None} - here
        self._missed = {worker: self._missed.get(worker, self._watched_s) for worker in absent}
        gone_at = self._watched_s - _ABSENT_BEATS * self.settings.heartbeat_s
        return [worker for worker, since in self._missed.items() if since <= gone_at]

    def _with(self, batch_id: str, index: int) -> Iterable[_Chunk]:
        for chunk in self._chunks.values():
            if chunk.lease.batch_id == batch_id and index in chunk.lease.range.indices():
                yield chunk

    def stragglers(self, free: int) -> list[Lease]:
        """Return chunks, `free` at most, that take far longer than usual, and note that each has a copy now.

        The copy runs under the same lease, so whichever commits first has the word.
        """
        factor = self.settings.speculation
        if free <= 0 or not factor:
            return []
        usual_s = statistics.median(self._times_s) if self._times_s else self.settings.lease_s
        limit = self.clock() - max(factor * usual_s, _LEAST_S)
        slow = [c for c in self._chunks.values() if c.copies == 1 and c.started_at < limit]
        chosen = sorted(slow, key=lambda chunk: chunk.started_at)[:free]
        for chunk in chosen:
            chunk.copies += 1
        return [chunk.lease for chunk in chosen]
