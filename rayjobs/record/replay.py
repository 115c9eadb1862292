"""Computes the state of a batch from its record alone, for a registry that has lost the batch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rayjobs.model.batch import ENDED, Batch, Counts, State
from rayjobs.model.lease import Lease
from rayjobs.model.ranges import Cover, Range
from rayjobs.model.terms import BatchTerms
from rayjobs.ports import NewBatch, Replayed
from rayjobs.record.commits import Entry
from rayjobs.record.layout import Listing, Record


def replay(record: Record, batch_id: str, in_flight: Sequence[Lease] = ()) -> Replayed:
    """Return the state of a batch: from its closing file, or else from its commit files.

    The function reads the names and the heads of the commit files. It reads the items only where two commit
    files overlap. So the time grows with the number of chunks, not of items.

    Args:
        record: The record.
        batch_id: The batch.
        in_flight: Chunks of the batch that run at this moment. They count as running, even if the record says
            that they have ended.

    Raises:
        NotFoundError: There is no such batch.
    """
    spec = record.spec(batch_id)
    terms = BatchTerms.of(spec["document"])
    closed = record.closed(batch_id)
    listing = record.listing(batch_id)
    of_purge = closed is not None and closed["cause"] == "purge"
    new = NewBatch(
        id=batch_id,
        # Pages that were written while the batch was ended are not part of the batch.
        total=listing.total if closed is None else closed["counts"]["total"],
        exact=listing.sealed or closed is not None,
        priority=terms.priority,
        document=terms.document,
        idempotency_key=None if of_purge else spec.get("key"),
        body_hash=spec["body_hash"],
        created_ms=spec["created_ms"],
    )
    if closed is not None:
        reopened = max((token for token, _ in record.retries(batch_id)), default=0)
        return _closed(new, closed, listing, reopened)
    return _open(record, new, listing, in_flight)


def _closed(new: NewBatch, closed: dict[str, Any], listing: Listing, reopened: int) -> Replayed:
    return Replayed(
        batch=new,
        ends={name: n for name, n in closed["counts"].items() if name in ENDED},
        errors=closed["errors_by_code"],
        started_ms=closed["started_ms"],
        ran_ms=closed.get("ran_ms", 0),
        error=closed["error"],
        remarks=listing.remarks,
        cut=not listing.sealed,
        closed=State(closed["state"]),
        finished_ms=closed["finished_ms"],
        reopened=reopened,
        fence=reopened,
    )


def _open(record: Record, new: NewBatch, listing: Listing, in_flight: Sequence[Lease]) -> Replayed:
    entries = record.entries(new.id)
    tokens = [*(entry.token for entry in entries), *(lease.token for lease in in_flight)]
    found = _Totals()
    for lease in in_flight:
        found.end(lease.range)
    running = {lease.token for lease in in_flight}
    steps: list[tuple[int, Entry | list[Range]]] = [(e.token, e) for e in entries if e.token not in running]
    retries = record.retries(new.id)
    steps += retries
    reopened = max((token for token, _ in retries), default=0)
    # A retry comes behind the entry with the same token, as in `Record.outcomes`.
    for _, step in sorted(steps, key=lambda row: (row[0], isinstance(row[1], list)), reverse=True):
        if isinstance(step, Entry):
            found.add(record, new.id, step)
        else:
            found.retry(step)
    return Replayed(
        batch=new,
        ends=dict(found.counts),
        errors=dict(found.errors),
        waiting=found.waiting(new.total),
        running=tuple(in_flight),
        started_ms=min(tokens, default=None),  # a token is the time of its claim
        error=listing.error,
        remarks=listing.remarks,
        fence=max([*tokens, reopened]),
        reopened=reopened,
    )


@dataclass
class _Totals:
    """The sums so far, while the commit files are read from the latest to the first."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    described: Cover = field(default_factory=Cover)
    """Items that a later entry has described: an earlier entry no longer counts for these items."""
    ended: Cover = field(default_factory=Cover)
    """Items that do not wait, because they have ended or run."""
    back: list[Range] = field(default_factory=list)
    """Ranges that were put back, the latest first."""

    def end(self, chunk: Range) -> None:
        """Note that these items do not wait."""
        self.described.add(chunk)
        self.ended.add(chunk)

    def retry(self, ranges: Sequence[Range]) -> None:
        """Note that earlier entries no longer count for these items."""
        self.back += ranges
        for chunk in ranges:
            self.described.add(chunk)

    def add(self, record: Record, batch_id: str, entry: Entry) -> None:
        """Add a commit file, except for the items that a later entry has described."""
        tally = record.tally(batch_id, entry)
        again = Cover()
        for chunk in tally.again:
            again.add(chunk)
        parts = again.gaps(entry.range)
        if all(self.described.gaps(part) == [part] for part in parts):
            self.counts.update(tally.counts)
            self.errors.update(tally.errors)
        else:
            self._count_lines(record, batch_id, entry)
        self.back += tally.again
        for part in parts:
            for gap in self.described.gaps(part):
                self.end(gap)

    def waiting(self, total: int) -> tuple[Range, ...]:
        """Return the items that have not ended, each at the attempt of its last return to the queue."""
        found = []
        for chunk in [*self.back, Range(0, total)] if total else []:
            found += self.ended.gaps(chunk)
            self.ended.add(chunk)
        return tuple(sorted(found))

    def _count_lines(self, record: Record, batch_id: str, entry: Entry) -> None:
        for outcome in record.lines(batch_id, entry):
            if self.described.gaps(Range(outcome["index"], 1)):
                self.counts[outcome["state"]] += 1
                if "error" in outcome:
                    self.errors[outcome["error"]["code"]] += 1


def closing(
    batch: Batch, state: State, finished_ms: int, cause: str | None = None, unrun: Sequence[Range] = ()
) -> dict[str, Any]:
    """Return the content of a batch's closing file; items that still waited count as cancelled.

    `unrun` are the items that never ran. The closing file names them, because a late
    commit may still write them.
    """
    ended = {name: getattr(batch.counts, name) for name in ENDED}
    ended["cancelled"] += batch.counts.total - sum(ended.values())
    return {
        "state": state,
        "cause": cause,
        "run_id": batch.run_id,
        "counts": {"total": batch.counts.total, "pending": 0, "running": 0, **ended},
        "errors_by_code": batch.errors_by_code,
        "unrun": _within(unrun, batch.counts.total),
        "error": batch.error,
        "started_ms": batch.started_ms,
        "ran_ms": batch.ran_ms,
        "finished_ms": finished_ms,
    }


def _within(ranges: Sequence[Range], total: int) -> list[list[int]]:
    """Return the ranges, as far as they are below `total`, in the record's form."""
    return [[one.first, min(one.end, total) - one.first] for one in ranges if one.first < total]


def view(replayed: Replayed, run_id: str) -> Batch:
    """Return the batch as clients see it while the registry does not know the batch."""
    new, ends = replayed.batch, dict(replayed.ends)
    running = sum(lease.range.count for lease in replayed.running)
    pending = new.total - running - sum(ends.values())
    return Batch(
        id=new.id,
        state=replayed.state,
        run_id=run_id,
        counts=Counts(total=new.total, pending=pending, running=running, **ends),
        errors_by_code=dict(replayed.errors),
        exact=new.exact,
        priority=new.priority,
        created_ms=new.created_ms or 0,
        started_ms=replayed.started_ms,
        ran_ms=replayed.ran_ms,
        finished_ms=replayed.finished_ms,
        throughput_per_s=0.0,
        document=new.document,
        error=replayed.error,
        remarks=replayed.remarks,
    )
