"""The registry on Redis, as far as it follows the record: batches that come back, a listing, old runs."""

import json
from collections.abc import Sequence
from typing import Any

import redis
from typing_extensions import override

from rayjobs.adapters.redis.scripts import Scripts, redis_errors
from rayjobs.ports import NewBatch, Registry, Replayed
from rayjobs.settings import Settings

IDEMPOTENCY_S = 24 * 3600
"""Life of an idempotency key. Source: draft-ietf-httpapi-idempotency-key-header asks for it to be said."""
_SWEEP = 500
"""Keys deleted at a time by a purge, so that no other client waits for long."""


class RedisRestoring(Registry):
    """Implements the part of `ports.Registry` that recovery speaks to."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._run_script = Scripts(client, settings.namespace)

    @property
    def _lease_ms(self) -> int:
        return int(self._settings.lease_s * 1000)

    @override
    def restored(self) -> bool:
        return bool(self._run_script("restored"))

    @override
    def enlist(self, batch_ids: Sequence[str], *, last: bool) -> None:
        self._run_script("restored", ids=list(batch_ids), last=last)

    @override
    def restore(self, standing: Replayed, *, add: bool = False) -> bool:
        arguments = _restoring(standing)
        ttls = {"lease_ms": self._lease_ms, "key_ttl_s": IDEMPOTENCY_S, "ttl_s": self._settings.retention_s}
        return bool(self._run_script("restore", **arguments, **ttls, add=add))

    @override
    def unfinished(self) -> list[str]:
        return list(self._run_script("open", wanted="any"))

    @override
    def forget(self, batch_id: str) -> None:
        self._run_script("forget", id=batch_id)

    @override
    def sweep(self) -> int:
        run_id, namespace = self.run_id(), self._settings.namespace
        kept = {f"{namespace}:{name}" for name in ("run", "leader", "fence")}
        deleted = 0
        with redis_errors():
            doomed: list[str] = []
            for key in self._redis.scan_iter(match=f"{namespace}:*", count=_SWEEP):
                if key not in kept and not key.startswith(f"{namespace}:{run_id}:"):
                    doomed.append(key)
                if len(doomed) == _SWEEP:
                    deleted += int(self._redis.unlink(*doomed))
                    doomed = []
            if doomed:
                deleted += int(self._redis.unlink(*doomed))
        return deleted


def entry(batch: NewBatch) -> dict[str, Any]:
    """Return what scripts are told of a new batch."""
    found = {
        "id": batch.id,
        "total": batch.total,
        "exact": batch.exact,
        "priority": batch.priority,
        "document": json.dumps(batch.document),
        "deadline_s": batch.terms.deadline_s,
        "created_ms": batch.created_ms,
    }
    return {name: value for name, value in found.items() if value is not None}


def _restoring(standing: Replayed) -> dict[str, Any]:
    """Return what `restore.lua` is told."""
    return {
        "batch": entry(standing.batch),
        "key": standing.batch.idempotency_key,
        "body_hash": standing.batch.body_hash,
        "cut": standing.cut,
        "started_ms": standing.started_ms,
        "ran_ms": standing.ran_ms,
        "finished_ms": standing.finished_ms,
        "counts": dict(standing.ends),
        "errors": dict(standing.errors),
        "waiting": [[r.first, r.count, r.attempt] for r in standing.waiting],
        "running": [lease.as_json() | {"token": str(lease.token)} for lease in standing.running],
        "error": json.dumps(standing.error) if standing.error else None,
        "remarks": json.dumps(dict(standing.remarks)) if standing.remarks else None,
        "closed": standing.closed,
        "fence": standing.fence,
        "reopened": standing.reopened,
    }
