"""The dispatcher ends at any moment: the next one finishes its batches, each output once."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from rayjobs.errors import LeaseLostError
from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Pace, Tally
from tests.support.system import System
from tests.support.waiting import wait_until

PACE = Pace()


def clean_run(whole: System, pictures: Path) -> dict[str, bytes]:
    batch = whole.finished(whole.submit({"type": "folder", "path": str(pictures)}))
    assert batch.state is State.SUCCEEDED
    return whole.outputs(batch.id)


def test_what_was_in_flight_is_run_by_the_next_one(whole_farm: System, pictures: Path) -> None:
    stuck = threading.Event()

    def hang_at_five(lease: Mapping[str, int | str]) -> Tally:
        if 5 in Lease.of(lease).range.indices():
            stuck.set()
            threading.Event().wait(1.2)
        return whole_farm.run_chunk(lease)

    first = whole_farm.dispatch(hang_at_five)
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    wait_until(stuck.is_set, 10, "the fifth item is in hand")
    first.set()
    whole_farm.dispatch()
    batch = whole_farm.finished(batch_id)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
    assert whole_farm.registry.leases() == []
    assert whole_farm.outputs(batch_id) == clean_run(whole_farm, pictures)


def test_a_chunk_that_was_committed_but_not_settled_is_not_run_again(
    whole_farm: System, pictures: Path
) -> None:
    """The dispatcher died between the commit file and Redis: the record has the last word."""
    batch_id = whole_farm.submit({"type": "paths", "paths": [str(p) for p in sorted(pictures.iterdir())]})
    leader = whole_farm.registry.lead("dead", 60)
    assert leader is not None
    [lease] = whole_farm.registry.claim(leader, 2, PACE, 1)
    whole_farm.slot().run(lease)
    whole_farm.registry.resign("dead")
    ran: list[int] = []

    def noting(raw: Mapping[str, int | str]) -> Tally:
        ran.extend(Lease.of(raw).range.indices())
        return whole_farm.run_chunk(raw)

    whole_farm.dispatch(noting)
    assert whole_farm.finished(batch_id).counts.succeeded == 12
    assert sorted(ran) == list(range(1, 12))


def test_two_dispatchers_never_lead_together(whole_farm: System, pictures: Path) -> None:
    whole_farm.dispatch()
    whole_farm.dispatch()
    assert clean_run(whole_farm, pictures)
    assert whole_farm.registry.queue().stale_settlements == 0
    assert whole_farm.ended == []


def test_a_dispatcher_that_lost_the_lead_leaves(whole_farm: System) -> None:
    whole_farm.dispatch()
    wait_until(lambda: whole_farm.registry.leader() is not None, 5, "a dispatcher leads")
    leader = whole_farm.registry.leader()
    assert leader is not None
    whole_farm.registry.resign(leader)
    assert whole_farm.registry.lead("other", 60)
    wait_until(lambda: bool(whole_farm.ended), 10, "the first one leaves")
    assert isinstance(whole_farm.ended[0], LeaseLostError)


def test_a_frozen_slot_that_wakes_up_late_changes_nothing(whole_farm: System, pictures: Path) -> None:
    """Its lease ran out and its items were done by others; its settlement is refused and counted."""
    batch_id = whole_farm.submit({"type": "paths", "paths": [str(p) for p in sorted(pictures.iterdir())]})
    leader = whole_farm.registry.lead("frozen", 0.2)
    assert leader is not None
    [late] = whole_farm.registry.claim(leader, 2, PACE, 1)
    whole_farm.dispatch()
    batch = whole_farm.finished(batch_id)
    before = (whole_farm.outputs(batch_id), whole_farm.items(batch_id))
    tally = whole_farm.slot().run(late)
    with pytest.raises(LeaseLostError):
        whole_farm.registry.settle(late, tally)
    assert (whole_farm.outputs(batch_id), whole_farm.items(batch_id)) == before
    assert whole_farm.registry.get(batch_id).counts == batch.counts
    assert whole_farm.registry.queue().stale_settlements == 1


def test_the_record_alone_tells_what_is_done(whole_farm: System, pictures: Path) -> None:
    whole_farm.dispatch()
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    batch = whole_farm.finished(batch_id)
    closed = whole_farm.record.closed(batch_id)
    assert closed is not None
    assert closed["counts"]["succeeded"] == batch.counts.total == 12
