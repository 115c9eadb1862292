"""What a batch would cost, by a sample of its items that is really run; nothing of it stays.

The source is cut into k parts of equal length, and of each one item is taken at random, by a generator that
depends on the two lengths alone: so the sample is spread evenly, does not fall in step with a source that
repeats itself, and the same question has the same sample. The interval of a figure for the whole is that of
Student's t over the sample, at 95 %; for bytes and failures less what the sample has decided itself (finite
population). It is too narrow where a few items are very unlike the others and the sample has none of them.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rayjobs.model.item import Fault, Item, Outcome
from rayjobs.ports import Workers
from rayjobs.request.sources import Sources
from rayjobs.request.spec import SamplesSource, Source, parse_request
from rayjobs.request.walk import Remarks
from rayjobs.service.render_pool import PooledEngine, RenderPool, is_of_its_limits
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings

MAX_SAMPLE = 32
"""Items that one estimate runs; an interval narrows with the root of it."""

METHOD = "one random item of each of k equal parts; Student's t at 95 %"

_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
    2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
    2.045, 2.042, 2.040,
)  # fmt: skip
"""0.975 quantiles of Student's t for 1, 2, ... degrees of freedom."""

_QUICK_S = 1.0
"""An item that took less is run a second time if it is the first: a process's first picture costs more."""


@dataclass(frozen=True)
class Interval:
    """A figure, and between what it is to be expected."""

    value: float
    low: float | None = None
    """None where one item alone was run: how much they differ is not known."""
    high: float | None = None

    def times(self, factor: float) -> "Interval":
        """Return the same for something `factor` times as large."""
        low, high = (None if each is None else each * factor for each in (self.low, self.high))
        return Interval(self.value * factor, low, high)

    def as_json(self) -> dict[str, float | None]:
        """Return it without the digits that mean nothing."""
        return {name: None if each is None else float(f"{each:.6g}") for name, each in vars(self).items()}


def sampled(total: int, k: int) -> list[int]:
    """Return indices of at most `k` items, spread evenly, in no order: the first ones are spread too."""
    k = min(k, total)
    chance = random.Random(f"{total}/{k}")  # noqa: S311 - it guards nothing
    found = [chance.randrange(at * total // k, (at + 1) * total // k) for at in range(k)]
    chance.shuffle(found)
    return found


def summed(sample: Sequence[float], total: int, *, certain: bool) -> Interval:
    """Return the sum over `total` items of which those of `sample` were measured, at least one.

    `certain` says that a repeat would measure the same: what was seen needs no interval.
    """
    k, mean = len(sample), statistics.fmean(sample)
    if certain and k == total:
        return Interval(*[math.fsum(sample)] * 3)
    if k == 1:
        return Interval(mean * total)
    rest, least = (1 - k / total, math.fsum(sample)) if certain else (1.0, 0.0)
    half = _T_975[k - 2] * statistics.stdev(sample) / math.sqrt(k) * math.sqrt(rest) * total
    return Interval(mean * total, max(mean * total - half, least), mean * total + half)


@dataclass(frozen=True)
class _Run:
    item: Item
    outcome: Outcome
    processor_s: float

    @property
    def bytes(self) -> int:
        files = (self.outcome.outputs or {"": self.outcome.output or {}}).values()
        return sum(each.get("bytes", 0) for each in files)

    @property
    def slot_s(self) -> float:
        return self.outcome.duration_ms / 1000


class Estimates:
    """Makes estimates; safe to be asked from several threads."""

    def __init__(
        self,
        settings: Settings,
        intake: Submissions,
        sources: Sources,
        registry: Workers,
        tryouts: RenderPool,
    ) -> None:
        self._most = settings.max_inline_items
        self._budget_s = settings.preview_deadline_s
        self._intake = intake
        self._sources = sources
        self._registry = registry
        self._tryouts = tryouts

    def plan(self, body: Mapping[str, Any], k: int) -> dict[str, Any]:
        """Return what `Submissions.plan` does, and an estimate for the whole by `k` items.

        It takes one deadline of a preview, and at most that much again for the item in hand; where that is
        too short for `k` items, fewer are run.

        Raises:
            RequestError: As `Submissions.plan`.
            ItemError: The source can't be listed.
            PreviewsBusyError: As many as may run are running.
            BackendError: Another thing of ours is away.
        """
        plan = self._intake.plan(body)
        form, _ = parse_request(self._intake.presets.resolved(body))
        remarks = Remarks()
        listed = self._listed(form.source, remarks)
        told = remarks.as_json()
        plan |= {"warnings": [*plan["warnings"], *told["warnings"]], "left_out": told["left_out"]}
        if not listed.total:
            return {**plan, "estimate": None}
        with self._tryouts.desk() as desk:
            runs = list(self._runs(desk, plan, [listed.at(index) for index in sampled(listed.total, k)]))
        return {**plan, "estimate": self._told(runs, listed)}

    def _listed(self, source: Source, remarks: Remarks) -> "_Listed":
        if isinstance(source, SamplesSource):  # ten million of them are not to be counted through
            names = self._sources.samples()
            return _Listed(source.count, lambda at: Item(at, f"sample:{names[at % len(names)]}"))
        items = list(islice(self._sources.items(source, remarks), self._most + 1))
        return _Listed(min(len(items), self._most), items.__getitem__, exact=len(items) <= self._most)

    def _runs(self, desk: PooledEngine, plan: dict[str, Any], items: Sequence[Item]) -> Iterator[_Run]:
        first = _Run(items[0], *desk.carry_out(plan, items[0]))
        yield _Run(items[0], *desk.carry_out(plan, items[0])) if first.slot_s < _QUICK_S else first
        until = time.monotonic() + self._budget_s  # the process's start is no part of it
        for item in items[1:]:
            if time.monotonic() >= until:
                return
            desk.clear()
            yield _Run(item, *desk.carry_out(plan, item))

    def _told(self, runs: Sequence[_Run], listed: "_Listed") -> dict[str, Any]:
        measured = [run for run in runs if not is_of_its_limits(run.outcome)]
        slots = sum(worker.slots for worker in self._registry.workers() if not worker.draining)
        told: dict[str, Any] = {
            "method": METHOD,
            "items": listed.total,
            "exact": listed.exact,
            "measured": len(measured),
            "unmeasured": len(runs) - len(measured),
            "slots": slots,
            "failures": [
                _failure(run.item, error)
                for run in sorted(runs, key=lambda run: run.item.index)
                if (error := run.outcome.error) is not None
            ],
        }
        if not measured:
            return told
        whole = {
            "bytes": summed([run.bytes for run in measured], listed.total, certain=True),
            "failed": summed([run.outcome.error is not None for run in measured], listed.total, certain=True),
            "cpu_s": summed([run.processor_s for run in measured], listed.total, certain=False),
            "slot_s": summed([run.slot_s for run in measured], listed.total, certain=False),
        }
        whole["bytes_of_one"] = whole["bytes"].times(1 / listed.total)
        if slots:
            whole["wall_s"] = whole["slot_s"].times(1 / slots)
        return told | {name: interval.as_json() for name, interval in whole.items()}


@dataclass(frozen=True)
class _Listed:
    """The items that an estimate is of."""

    total: int
    at: Callable[[int], Item]
    exact: bool = True
    """Whether these are all that the source has."""


def _failure(item: Item, fault: Fault) -> dict[str, Any]:
    return {"index": item.index, "source": item.source, "code": fault.code, "detail": fault.detail}
