"""A batch of 10^5 items is cancelled at half: nothing more is begun, and what was done stays."""

import time
from collections.abc import Mapping
from functools import partial

import pytest

from rayjobs.model.batch import State, Verb
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.settings import Settings
from rayjobs_cli.benchmark import noop_slots
from tests.support.system import System
from tests.support.waiting import wait_until

TOTAL = 100_000


@pytest.fixture
def farm_settings(farm_settings: Settings) -> Settings:
    return farm_settings.model_copy(update={"chunk_floor_ms": 60.0, "chunk_cap_ms": 4000.0, "lease_s": 15.0})


def test_nothing_is_begun_after_the_answer_and_all_that_was_done_is_kept(whole_farm: System) -> None:
    begun: list[tuple[float, range]] = []
    work = partial(noop_slots.run_chunk, whole_farm.record)

    def noting(raw: Mapping[str, int | str]) -> Tally:
        begun.append((time.monotonic(), Lease.of(raw).range.indices()))
        return work(raw)

    whole_farm.dispatch(noting)
    batch_id = whole_farm.submit({"type": "samples", "count": TOTAL})
    registry = whole_farm.registry
    wait_until(lambda: registry.get(batch_id).counts.succeeded >= TOTAL // 2, 60, "half of it is done")
    whole_farm.intake.steer(batch_id, Verb.CANCEL)
    cancelled_at = time.monotonic()
    batch = whole_farm.finished(batch_id, 10)
    counts = batch.counts
    assert (batch.state, counts.total) == (State.CANCELLED, TOTAL)
    assert counts.succeeded + counts.cancelled == TOTAL
    assert counts.cancelled > 0
    assert max(at for at, _ in begun) < cancelled_at + 2
    ran = sorted(index for _, indices in begun for index in indices)
    assert len(ran) == len(set(ran)), "nothing ran twice"
    kept = whole_farm.record.outcomes(batch_id, Range(0, TOTAL))
    assert sorted(kept) == ran
    assert len(kept) == counts.succeeded
    assert registry.leases() == []
