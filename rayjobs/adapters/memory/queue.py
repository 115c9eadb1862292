"""The queue's figures of the registry in memory: the twin of queue.lua."""

from collections import Counter
from collections.abc import Sequence

from rayjobs.model.batch import Batch
from rayjobs.ports import QueueStatus


def queue_status(
    run_id: str, open_batches: Sequence[Batch], leases: int, stale: int, now_ms: int
) -> QueueStatus:
    """Return the queue's figures, summed over the open batches."""
    pending = sum(batch.counts.pending for batch in open_batches)
    running = sum(batch.counts.running for batch in open_batches)
    rate = sum(batch.throughput_per_s for batch in open_batches)
    ages = [(now_ms - batch.created_ms) / 1000 for batch in open_batches if batch.counts.pending]
    left = pending + running
    return QueueStatus(
        run_id=run_id,
        pending=pending,
        in_flight=running,
        leases=leases,
        oldest_age_s=max(ages, default=0.0),
        images_per_s=rate,
        eta_s=0.0 if not left else round(left / rate, 1) if rate else None,
        batches_by_state=dict(Counter(batch.state.value for batch in open_batches)),
        stale_settlements=stale,
    )
