"""The ports: what the core needs from outside. A registry, a store and an executor.

Each port is named for the need and not for the tool, and has one contract suite that runs over every adapter.

registry  batches, queue, leases, workers, events
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
from rayjobs.ports.registry import Registry
from rayjobs.ports.store import Store, is_name

__all__ = [
    "Event",
    "Executor",
    "MemoryUse",
    "NewBatch",
    "Page",
    "Purged",
    "QueueStatus",
    "Registry",
    "Replayed",
    "Retry",
    "Settled",
    "Store",
    "Submitted",
    "Told",
    "is_name",
]
