"""The dispatcher is told to end: what runs is settled, what waits is given back, and it leaves in time."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.worker import InHand, Worker
from tests.support.system import System
from tests.support.waiting import wait_until


def test_what_is_in_hand_is_ended_and_nothing_is_begun(whole_farm: System, pictures: Path) -> None:
    begun: list[range] = []
    told, go_on = threading.Event(), threading.Event()

    def slow(raw: Mapping[str, int | str]) -> Tally:
        begun.append(Lease.of(raw).range.indices())
        if told.is_set() or len(begun) > 2:
            told.set()
            go_on.wait(10)
        return whole_farm.run_chunk(raw)

    stop = whole_farm.dispatch(slow)
    source = {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())]}
    batch_id = whole_farm.submit(source)
    wait_until(told.is_set, 10, "a chunk is in hand")
    stop.set()
    go_on.set()
    stopped_at = time.monotonic()
    whole_farm.threads[0].join(8)
    assert time.monotonic() - stopped_at < 6
    assert not whole_farm.threads[0].is_alive()
    assert whole_farm.ended == []
    assert whole_farm.registry.leases() == []
    assert whole_farm.registry.leader() is None, "the next one need not wait"
    ran = {i for indices in begun for i in indices}
    assert whole_farm.registry.get(batch_id).counts.succeeded == len(ran)
    whole_farm.dispatch()
    batch = whole_farm.finished(batch_id)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
    assert {item["attempts"] for item in whole_farm.items(batch_id)} == {1}
    again = whole_farm.finished(whole_farm.submit(source))
    assert whole_farm.outputs(again.id) == whole_farm.outputs(batch_id)


def test_an_item_that_takes_longer_is_ended_and_not_run_again(
    whole_farm: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits at a slot's door is given back in time, what is in hand is waited for."""
    monkeypatch.setattr("rayjobs.dispatcher.loop._LEAVE_S", 0.3)
    ran: list[int] = []
    go_on = threading.Event()

    def slow(raw: Mapping[str, int | str]) -> Tally:
        ran.extend(Lease.of(raw).range.indices())
        assert go_on.wait(20)
        return whole_farm.run_chunk(raw)

    stop = whole_farm.dispatch(slow)
    batch_id = whole_farm.submit(
        {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())]}
    )
    wait_until(lambda: len(whole_farm.registry.leases()) == 4, 10, "two are in hand, two wait at the door")
    wait_until(lambda: len(ran) == 2, 10, "two are in hand")
    hands = tuple(InHand(batch_id, index) for index in ran)
    whole_farm.registry.beat(Worker("w", "node", None, 2, 0, 0.0, 0, 0.0, hands), 60)
    stop.set()
    wait_until(lambda: len(whole_farm.registry.leases()) == 2, 10, "the others are given back")
    assert whole_farm.threads[0].is_alive()
    go_on.set()
    whole_farm.threads[0].join(10)
    assert whole_farm.ended == []
    assert whole_farm.registry.leader() is None
    assert whole_farm.registry.get(batch_id).counts.succeeded == 2
    whole_farm.dispatch(slow)
    assert whole_farm.finished(batch_id).counts.succeeded == 12
    assert sorted(ran) == list(range(12)), "nothing ran twice"
    assert {item["attempts"] for item in whole_farm.items(batch_id)} == {1}
