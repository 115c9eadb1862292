"""The registry on Redis: each method is one script, so each is atomic by itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import redis
from typing_extensions import override

from rayjobs.adapters.redis.channel import Channel
from rayjobs.adapters.redis.keys import DRAIN_S, GONE_S, channel
from rayjobs.adapters.redis.restoring import IDEMPOTENCY_S, RedisRestoring, entry
from rayjobs.adapters.redis.scripts import redis_errors
from rayjobs.errors import IdempotencyMismatchError
from rayjobs.model.batch import RESERVED_S, Batch, Counts, Move, State, Verb
from rayjobs.model.item import Fault
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.worker import Worker
from rayjobs.ports import (
    Event,
    MemoryUse,
    NewBatch,
    Page,
    Purged,
    QueueStatus,
    Retry,
    Settled,
    Submitted,
    Told,
)
from rayjobs.settings import Settings

_CONNECT_S = 1.0
"""A Redis that takes longer to answer a connection is away; POST then says 503 within 2 s."""
_ANSWER_S = 5.0


class RedisRegistry(RedisRestoring):
    """Implements `ports.Registry`; safe to share between threads."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__(client, settings)
        self._wake = Channel(client, channel(settings.namespace, "wake"))
        self._moved = Channel(client, channel(settings.namespace, "moved"))

    @classmethod
    def connect(cls, settings: Settings) -> "RedisRegistry":
        """Return a registry on the Redis of the settings; connects at the first call."""
        client = redis.Redis.from_url(
            settings.redis_url,
            decode_responses=True,
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=_ANSWER_S,
            health_check_interval=30,
        )
        return cls(client, settings)

    @override
    def ping(self) -> None:
        self._run_script("probe")

    @override
    def memory(self) -> MemoryUse:
        with redis_errors():
            told = self._redis.info("memory")
        return MemoryUse(told["used_memory"], told.get("maxmemory", 0))

    @override
    def submit(self, batch: NewBatch) -> Submitted:
        answer = self._run_script(
            "submit",
            batch=entry(batch),
            actor=batch.actor,
            key=batch.idempotency_key,
            body_hash=batch.body_hash,
            key_ttl_s=IDEMPOTENCY_S,
            most_open=self._settings.max_waiting_batches,
        )
        return Submitted(answer["id"], answer["created"])

    @override
    def known(self, idempotency_key: str, body_hash: str) -> str | None:
        answer = self._run_script("known", key=idempotency_key)
        if answer is None:
            return None
        batch_id, _, before = answer.partition("|")
        if before != body_hash:
            raise IdempotencyMismatchError(f"this Idempotency-Key made {batch_id} from another body")
        return str(batch_id)

    @override
    def extend(self, batch_id: str, total: int) -> bool:
        return bool(self._run_script("extend", id=batch_id, total=total))

    @override
    def seal(
        self, batch_id: str, error: dict[str, Any] | None = None, remarks: dict[str, Any] | None = None
    ) -> Settled:
        why, told = (json.dumps(each) if each else None for each in (error, remarks))
        return _settled(self._run_script("seal", id=batch_id, error=why, remarks=told))

    @override
    def claim(self, leader: int, slots: int, pace: Pace, most: int) -> list[Lease]:
        rows = self._run_script(
            "claim",
            leader=leader,
            slots=slots,
            most=most,
            lease_ms=self._lease_ms,
            floor_ms=pace.floor_ms,
            cap_ms=pace.cap_ms,
        )
        return [Lease.of(row) for row in rows or ()]

    @override
    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        by_token = {str(lease.token): lease for lease in leases}
        lost = self._run_script("renew", tokens=list(by_token), lease_ms=self._lease_ms)
        return [by_token[token] for token in lost or ()]

    @override
    def settle(self, lease: Lease, tally: Tally) -> Settled:
        answer = self._run_script(
            "settle",
            token=str(lease.token),
            counts=dict(tally.counts),
            errors=dict(tally.errors),
            again=[[r.first, r.count, r.attempt] for r in tally.again],
            busy_ms=tally.busy_ms,
        )
        return _settled(answer)

    @override
    def leases(self, *, expired: bool = False, batch_id: str | None = None) -> list[Lease]:
        return [Lease.of(row) for row in self._run_script("leases", expired=expired, id=batch_id) or ()]

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
        text = json.dumps(error.as_json()) if error else None
        answer = self._run_script(
            "steer", id=batch_id, verb=verb, actor=actor, cause=cause or verb, error=text, whole=whole
        )
        return _batch(answer)

    @override
    def reserve(self, batch_id: str) -> int:
        return int(self._run_script("reserve", id=batch_id, hold_ms=int(RESERVED_S * 1000)))

    @override
    def retry(self, batch_id: str, retry: Retry, actor: str) -> Batch:
        answer = self._run_script(
            "retry",
            id=batch_id,
            actor=actor,
            ranges=[[r.first, r.count, r.attempt] for r in retry.ranges],
            errors=retry.errors,
            cancelled=retry.cancelled,
            token=retry.token,
        )
        return _batch(answer)

    @override
    def delete(self, batch_id: str) -> Batch:
        return _batch(self._run_script("delete", id=batch_id, gone_s=GONE_S))

    @override
    def closable(self) -> list[str]:
        return list(self._run_script("open", wanted="closable"))

    @override
    def expanding(self) -> list[str]:
        return list(self._run_script("open", wanted="expanding"))

    @override
    def overdue(self) -> list[str]:
        return list(self._run_script("open", wanted="overdue"))

    @override
    def moves(self, written: Sequence[Move] = (), *, batch_id: str | None = None) -> list[Move]:
        rows = self._run_script("moves", written=[move.id for move in written], id=batch_id)
        return [Move.of(row) for row in rows or ()]

    @override
    def close(self, batch_id: str, state: State, finished_ms: int | None = None) -> Batch:
        ttl_s = self._settings.retention_s
        answer = self._run_script(
            "close", id=batch_id, state=state.value, finished_ms=finished_ms, ttl_s=ttl_s
        )
        return _batch(answer)

    @override
    def get(self, batch_id: str, *, whole: bool = False) -> Batch:
        return _batch(self._run_script("get", id=batch_id, whole=whole))

    @override
    def page(
        self, *, limit: int, cursor: str | None, state: State | None, label: tuple[str, str] | None
    ) -> Page:
        answer = self._run_script("page", limit=limit, cursor=cursor, state=state, label=label)
        found = [_batch(row) for row in answer["batches"] or ()]
        return Page(found, answer["next"], tuple(answer["forgotten"]))

    @override
    def events(self, batch_id: str, after: str | None) -> Told:
        answer = self._run_script("events", id=batch_id, after=after)
        rows = answer["events"] or ()
        return Told([Event(row["id"], row["kind"], json.loads(row["data"])) for row in rows], answer["ended"])

    @override
    def queue(self) -> QueueStatus:
        answer = self._run_script("queue")
        rate, left = answer["images_per_s"], answer["pending"] + answer["in_flight"]
        answer["eta_s"] = 0.0 if not left else round(left / rate, 1) if rate > 0 else None
        answer["batches_by_state"] = dict(answer["batches_by_state"])
        return QueueStatus(**answer)

    @override
    def beat(self, worker: Worker, ttl_s: float) -> str:
        text = json.dumps(asdict(worker))
        return str(self._run_script("beat", id=worker.id, worker=text, ttl_ms=int(ttl_s * 1000)))

    @override
    def leave(self, worker_id: str) -> None:
        self._run_script("workers", leave=worker_id)

    @override
    def drain(self, worker_id: str) -> None:
        self._run_script("drain", id=worker_id, ask=True, ttl_s=DRAIN_S)

    @override
    def drains(self, worker_id: str) -> bool:
        return bool(self._run_script("drain", id=worker_id, ask=False))

    @override
    def workers(self) -> list[Worker]:
        answer = self._run_script("workers")
        ttl_ms = int(self._settings.worker_ttl_s * 1000)
        return [
            Worker.of(json.loads(row["worker"]) | {"beat_ms": answer["now_ms"] + row["left_ms"] - ttl_ms})
            for row in answer["workers"] or ()
        ]

    @override
    def run_id(self) -> str:
        return str(self._run_script("run", new=False)["run_id"])

    @override
    def leader(self) -> str | None:
        leader = self._run_script("run", new=False)["leader"]
        return None if leader is None else str(leader)

    @override
    def lead(self, holder: str, ttl_s: float) -> int | None:
        token = self._run_script("lead", holder=holder, ttl_ms=int(ttl_s * 1000), resign=False)
        return None if token is None else int(token)

    @override
    def resign(self, holder: str) -> None:
        self._run_script("lead", holder=holder, ttl_ms=1, resign=True)

    @override
    def purge(self) -> Purged:
        run_id = self._run_script("run", new=True)["run_id"]
        return Purged(run_id, self.sweep())

    @override
    def wait(self, timeout_s: float) -> bool:
        return self._wake.hear(timeout_s) is not None

    @override
    def moved(self, timeout_s: float) -> str | None:
        return self._moved.hear(timeout_s)


def _settled(answer: dict[str, Any]) -> Settled:
    return Settled(State(answer["state"]), bool(answer["closable"]))


def _batch(row: dict[str, Any]) -> Batch:
    fields = row | {
        "state": State(row["state"]),
        "ending": State(row["ending"]) if row.get("ending") else None,
        "move": Move.of(json.loads(row["move"])) if row.get("move") else None,
        "counts": Counts(**row["counts"]),
        "errors_by_code": dict(row["errors_by_code"]),
        "document": json.loads(row["document"]),
        "error": json.loads(row["error"]) if row.get("error") else None,
        "remarks": json.loads(row["remarks"]) if row.get("remarks") else {},
    }
    return Batch(**{"started_ms": None, "finished_ms": None} | fields)
