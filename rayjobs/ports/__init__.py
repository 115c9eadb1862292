"""The ports: what the core needs from outside. A registry, a store and an executor.

Each port is named for the need and not for the tool, and has one contract suite that runs over every adapter.

registry  `Batches`, `Queue`, `Workers`, `Leadership`, `Restoration`; together the `Registry`
store     blobs by name: record, outputs, uploads
executor  chunks, run on slots
messages  the values that the ports take and return
"""

from rayjobs.ports.executor import Executor
from rayjobs.ports.messages import (
    Event,
    MemoryUse,
    NewBatch,
    Page,
    Purged,
    QueueStatus,
    Replayed,
    Retry,
    Settled,
    Submitted,
    Told,
)
from rayjobs.ports.registry import Batches, Leadership, Queue, Registry, Restoration, Workers
from rayjobs.ports.store import Store, is_name

__all__ = [
    "Batches",
    "Event",
    "Executor",
    "Leadership",
    "MemoryUse",
    "NewBatch",
    "Page",
    "Purged",
    "Queue",
    "QueueStatus",
    "Registry",
    "Replayed",
    "Restoration",
    "Retry",
    "Settled",
    "Store",
    "Submitted",
    "Told",
    "Workers",
    "is_name",
]
