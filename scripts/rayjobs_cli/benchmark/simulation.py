"""Simulates a batch of 10^8 items without pictures: measures claims, commits and recoveries on a real Redis.

The registry, the record and the recovery are those of the product. Left out are the pictures, the pages of
items (neither claims nor recoveries read them) and, in most commit files, all but the head (a recovery reads
only that). The figures of the whole batch are extrapolated from a part, and are named so.
"""

import statistics
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import redis

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch
from rayjobs.record.layout import Record
from rayjobs.request.spec import parse_request
from rayjobs.settings import Settings
from rayjobs_cli.benchmark.noop_slots import ITEM_MS, outcome
from rayjobs_cli.exit_status import CommandError, ExitStatus

SLOTS = 256
"""Slots of the simulated system; twice as many chunks are in flight."""
_CHUNKS = 3000
"""Chunks that are claimed; all but those in flight are committed and settled too."""
_FILES = 20_000
"""Commit files that the largest recovery reads."""
_BATCH = "b_simulated"


@dataclass
class Figures:
    """The figures of a part of the batch, and those extrapolated to the whole."""

    items: int
    chunk_items: int = 0
    """Items of a chunk: the size that the queue gives out for pictures of 20 ms each."""
    chunks: int = 0
    ms: dict[str, dict[str, float]] = field(default_factory=dict)
    """Median and 99th percentile of a claim, a commit and a settlement."""
    record_bytes_an_item: float = 0.0
    redis_keys: int = 0
    redis_bytes: int = 0
    """Bytes above those of an empty Redis, with all leases given out."""
    recoveries: list[dict[str, float]] = field(default_factory=list)
    """One recovery each: commit files, seconds from the flush to exact counts, and MiB of memory."""
    extrapolated: dict[str, float] = field(default_factory=dict)
    """Figures for all items, in proportion."""


def measure(redis_url: str, folder: str, items: int) -> Figures:
    """Return the figures of a batch of so many items."""
    settings = Settings(redis_url=redis_url, store=folder, namespace="simulated")
    with redis.Redis.from_url(redis_url) as client:
        return _Simulation(settings, client, items).run()


class _Simulation:
    def __init__(self, settings: Settings, client: redis.Redis, items: int) -> None:
        self._registry = RedisRegistry.connect(settings)
        self._record = Record(FileStore(settings.store))
        self._client = client
        self._figures = Figures(items)
        self._times_ms: dict[str, list[float]] = {"claim": [], "commit": [], "settle": []}
        self._ended: list[Lease] = []
        self._last = Lease(0, _BATCH, "", Range(0, 0))

    def run(self) -> Figures:
        figures, empty = self._figures, self._redis_bytes()
        self._submit()
        self._work()
        figures.redis_bytes = self._redis_bytes() - empty
        figures.redis_keys = int(self._client.dbsize())
        figures.recoveries = [self._recover(files) for files in (_FILES // 4, _FILES // 2, _FILES)]
        self._extrapolate()
        return figures

    def _submit(self) -> None:
        items = self._figures.items
        request, work = parse_request({"source": {"type": "samples", "count": items}, "pipeline": []})
        new = NewBatch(
            _BATCH,
            items,
            exact=True,
            priority=request.priority,
            document=request.document(work),
            created_ms=0,
        )
        self._record.seal(_BATCH, items)
        self._record.open(_BATCH, new.spec)
        self._registry.submit(new)

    def _work(self) -> None:
        """Claim, commit and settle, with as many leases in flight as the slots take."""
        leader, out = self._registry.lead("simulation", 600) or 0, deque[Lease]()
        for each in range(_CHUNKS):
            with self._timed("claim"):
                out += self._registry.claim(leader, SLOTS, Pace(), 1)
            if each == 0 or len(out) > 2 * SLOTS:  # the first chunk gives the speed of the batch
                self._end(out.popleft())
        figures, written = self._figures, self._record.store.get(self._commit_file(self._ended[-1])) or b""
        figures.chunk_items, self._last = self._ended[-1].range.count, out[-1]
        figures.record_bytes_an_item = round(len(written) / figures.chunk_items, 1)
        figures.chunks = _CHUNKS
        figures.ms = {name: _quantiles(seen) for name, seen in self._times_ms.items()}

    def _end(self, lease: Lease) -> None:
        tally = Tally({"succeeded": lease.range.count}, busy_ms=ITEM_MS * lease.range.count)
        outcomes = [outcome(index, lease.range.attempt) for index in lease.range.indices()]
        with self._timed("commit"):
            self._record.commit(lease, outcomes, tally)
        with self._timed("settle"):
            self._registry.settle(lease, tally)
        self._ended.append(lease)

    def _recover(self, files: int) -> dict[str, float]:
        """Flush Redis, and restore it from so many commit files."""
        count = self._figures.chunk_items
        while len(self._ended) < files:
            last = self._last
            self._last = Lease(last.token + 1, _BATCH, last.run_id, Range(last.range.end, count))
            self._record.commit(self._last, (), Tally({"succeeded": count}))
            self._ended.append(self._last)
        self._client.flushall()
        before, began = _rss_mib(), time.perf_counter()
        Recovery(self._registry, self._record).restore([])
        seconds = time.perf_counter() - began
        done, counts = sum(lease.range.count for lease in self._ended), self._registry.get(_BATCH).counts
        if (counts.succeeded, counts.total) != (done, self._figures.items):
            raise CommandError(
                "lost", f"{done} items were done, {counts} restored.", status=ExitStatus.FAILED
            )
        return {"commit_files": files, "seconds": round(seconds, 2), "mib": round(_rss_mib() - before, 1)}

    def _extrapolate(self) -> None:
        figures, last = self._figures, self._figures.recoveries[-1]
        chunks = -(-figures.items // figures.chunk_items)
        medians_ms = figures.ms["claim"]["p50"] + figures.ms["settle"]["p50"]
        figures.extrapolated = {
            "commit_files": chunks,
            "record_gib": round(figures.items * figures.record_bytes_an_item / 2**30, 1),
            "claims_and_settlements_s": round(chunks * medians_ms / 1000),
            "recovery_s": round(last["seconds"] / last["commit_files"] * chunks, 1),
            "recovery_mib": round(last["mib"] / last["commit_files"] * chunks),
        }

    def _commit_file(self, lease: Lease) -> str:
        return f"record/{_BATCH}/results/{lease.range.first}-{lease.range.count}-{lease.token}.jsonl"

    def _redis_bytes(self) -> int:
        return int(self._client.info("memory")["used_memory"])

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._times_ms[name].append((time.perf_counter() - began) * 1000)


def _quantiles(seen: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seen, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


def _rss_mib() -> float:
    return float(psutil.Process().memory_info().rss / 2**20)
