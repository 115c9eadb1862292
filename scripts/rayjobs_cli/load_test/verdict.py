"""Decides whether a run of batches did all that it should; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TERMINAL = frozenset({"succeeded", "partial", "failed", "cancelled", "expired"})
"""The states that a batch never leaves: `rayjobs.model.batch.TERMINAL`, as a client sees them."""

_SHOWN = 5
"""Faults of one kind that are listed; the others are counted."""


@dataclass(frozen=True)
class Verdict:
    """The faults of a run; none, if all went well."""

    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the run has no fault."""
        return not self.faults


def judge(
    batches: Sequence[Mapping[str, Any]], count: int, unusable: Mapping[tuple[str, int], str]
) -> Verdict:
    """Return the verdict on batches that have ended.

    Args:
        batches: As the API last returned them.
        count: The number of items that each batch must have.
        unusable: Batch id and index of an item -> the fault of its output.
    """
    faults = [fault for batch in batches for fault in _batch_faults(batch, count)]
    spelled = [f"{batch}, item {index}: {fault}" for (batch, index), fault in sorted(unusable.items())]
    faults += spelled[:_SHOWN]
    if len(spelled) > _SHOWN:
        faults.append(f"{len(spelled) - _SHOWN} more outputs can't be used")
    return Verdict(tuple(faults))


def errors_by_code(batches: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many items failed with each code, the most frequent first."""
    codes: Counter[str] = Counter()
    for batch in batches:
        codes.update(batch["errors_by_code"])
    return dict(codes.most_common())


def _batch_faults(batch: Mapping[str, Any], count: int) -> list[str]:
    counts: Mapping[str, int] = batch["counts"]
    good = counts["succeeded"] + counts["cached"]
    faults = []
    if batch["state"] != "succeeded":
        codes = ", ".join(f"{number} {code}" for code, number in batch["errors_by_code"].items())
        faults.append(f"{batch['id']} is {batch['state']}: {codes or 'no item failed'}")
    if counts["total"] != count or good != count or not batch["exact"]:
        faults.append(f"{batch['id']} counts {good} good of {counts['total']}; {count} were asked for")
    if sum(counts.values()) != 2 * counts["total"]:
        faults.append(f"{batch['id']} has counts that do not sum to its total: {dict(counts)}")
    return faults
