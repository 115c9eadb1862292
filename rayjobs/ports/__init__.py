"""What the core needs from outside: a registry, a store and an executor.

Each port is small, named for the need and not for the tool, and has one contract
suite that runs over every adapter.
"""

from rayjobs.ports.executor import Executor
from rayjobs.ports.messages import (
    Event,
    Memory,
    NewBatch,
    Page,
    Purged,
    QueueStatus,
    Retry,
    Settled,
    Standing,
    Submitted,
)
from rayjobs.ports.registry import Registry
from rayjobs.ports.store import Store

__all__ = [
    "Event",
    "Executor",
    "Memory",
    "NewBatch",
    "Page",
    "Purged",
    "QueueStatus",
    "Registry",
    "Retry",
    "Settled",
    "Standing",
    "Store",
    "Submitted",
]
