"""The key layout: every key that rayjobs has in Redis, its type, what it holds and how long.

All keys begin with the namespace. Those of a run follow with the run's id, so that a purge is a
new run id plus the deletion of the old prefix, and a late task of an old run finds nothing to
write to. The number of keys is that of batches, workers and idempotency keys: no key per item.

The Lua scripts name keys only through the table `K` that `lua_table` makes of this layout.
They build names at run time, so the registry needs one Redis, not a Redis Cluster.
"""

from dataclasses import dataclass
from typing import Literal

DRAIN_S = 60
"""Life of the request to drain; the worker's agent looks for it twice a second."""
GONE_S = 60
"""How long a deleted batch is kept from being restored by who had read its record before."""


@dataclass(frozen=True)
class Key:
    """One kind of key."""

    pattern: str
    """Its name behind the namespace (and the run): `{}` stands for an id."""
    type: str
    holds: str
    ttl: str
    """How long it lives; `permanent` where nothing but a purge ends it."""
    of_run: bool = True


LAYOUT: dict[str, Key] = {
    "run": Key("run", "string", "id of the present run", "permanent", of_run=False),
    "leader": Key(
        "leader", "string", "`holder|token` of the dispatcher that leads", "leader_s", of_run=False
    ),
    "fence": Key(
        "fence", "string", "last fencing token given to a leader or lease", "permanent", of_run=False
    ),
    "restored": Key("restored", "string", "the server that holds all that the record tells", "permanent"),
    "probe": Key("probe", "string", "written to see that writing is possible", "1 s", of_run=False),
    "index": Key("index", "zset", "ids of all batches, sorted by name: by age", "permanent"),
    "open": Key("open", "set", "ids of the batches that have not ended", "permanent"),
    "queue": Key("queue", "zset", "batches with waiting ranges, by virtual time used", "permanent"),
    "clock": Key("clock", "string", "virtual time of the last claim: where a new batch starts", "permanent"),
    "leases": Key("leases", "hash", "token -> the lease as JSON", "permanent"),
    "expiry": Key("expiry", "zset", "tokens by the server's time in ms when they run out", "permanent"),
    "moves": Key("moves", "stream", "changes of state that the record does not have so far", "permanent"),
    "stale": Key("stale", "string", "how many settlements were refused", "permanent"),
    "workers": Key("workers", "zset", "worker ids by the time in ms when they run out", "permanent"),
    "worker": Key("worker:{}", "string", "a worker's last heartbeat as JSON", "worker_ttl_s"),
    "drain": Key("drain:{}", "string", "set while a worker is asked to drain", "60 s"),
    "batch": Key("batch:{}", "hash", "state, counts and document of a batch", "retention_s once ended"),
    "ranges": Key(
        "ranges:{}", "list", "`first:count:attempt` of the items that wait", "retention_s once ended"
    ),
    "events": Key("events:{}", "stream", "the last 256 events of a batch", "retention_s once ended"),
    "gone": Key("gone:{}", "string", "set while a deleted batch may not be restored", "60 s"),
    "idempotency": Key("idempotency:{}", "string", "`batch id|hash of the body`", "24 h"),
}


def channel(namespace: str, name: Literal["wake", "moved"]) -> str:
    """Return the whole name of a channel, on which batches are announced by their ids; it keeps nothing.

    On `wake` those with a new range or to be closed, on `moved` those that have changed their state.
    """
    return f"{namespace}:{name}"


def lua_table() -> str:
    """Return Lua that defines `K`: a name for each fixed key, a function for each with an id.

    It expects `NS`, the namespace, and `P`, the prefix of the present run.
    """
    lines = ["local K = {}"]
    for name, key in LAYOUT.items():
        prefix = "P" if key.of_run else "NS .. ':'"
        if "{}" in key.pattern:
            head = key.pattern.removesuffix("{}")
            lines.append(f"K.{name} = function(id) return {prefix} .. '{head}' .. id end")
        else:
            lines.append(f"K.{name} = {prefix} .. '{key.pattern}'")
    return "\n".join(lines)
