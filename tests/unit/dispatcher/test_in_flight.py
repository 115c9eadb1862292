"""Which chunks in flight nobody works on any more, and which are worth a second try elsewhere."""

import pytest

from rayjobs.dispatcher.in_flight import InFlight
from rayjobs.model.lease import Lease
from rayjobs.model.ranges import Range
from rayjobs.model.worker import InHand, Worker
from rayjobs.settings import Settings
from tests.support.clock import FakeClock

SETTINGS = Settings(lease_s=15, speculation=4, item_deadline_s=120)


def lease(token: int, first: int = 0) -> Lease:
    return Lease(token, "b_1", "r_1", Range(first, 10))


def worker(worker_id: str, *hands: int) -> Worker:
    return Worker(worker_id, "node", None, 2, 0, 0.0, 0, 0.0, tuple(InHand("b_1", i) for i in hands))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def flight(clock: FakeClock) -> InFlight:
    return InFlight(SETTINGS, clock)


def finished(flight: InFlight, clock: FakeClock, *seconds: float) -> None:
    for token, each in enumerate(seconds, start=100):
        flight.start(lease(token))
        clock.advance(each)
        assert flight.land(lease(token), whole=True)
        flight.end(lease(token))


@pytest.fixture
def seen(flight: InFlight) -> InFlight:
    """Return a flight of three chunks, two of them seen with a worker."""
    for token in (1, 2, 3):
        flight.start(lease(token, 10 * (token - 1)))
    assert flight.look([worker("a", 4), worker("b", 12)]) == []
    return flight


def looks(flight: InFlight, clock: FakeClock, seconds: int, *workers: Worker) -> list[list[Lease]]:
    """Return what a look in each of so many seconds finds."""
    found = []
    for _ in range(seconds):
        clock.advance(1)
        found.append(flight.look(workers))
    return found


def test_a_chunk_whose_worker_is_registered_no_more_is_lost(seen: InFlight, clock: FakeClock) -> None:
    *before, last = looks(seen, clock, 11, worker("b", 13))
    assert before == [[]] * 10
    assert last == [lease(1, 0)], "the third one waits, and was seen nowhere"


def test_after_a_loss_of_the_registry_a_worker_has_two_heartbeats_to_come_back(
    seen: InFlight, clock: FakeClock
) -> None:
    assert looks(seen, clock, 10) == [[]] * 10
    assert looks(seen, clock, 10, worker("a", 4), worker("b", 12)) == [[]] * 10
    assert looks(seen, clock, 10) == [[]] * 10, "it is counted anew"
    assert looks(seen, clock, 1) == [[lease(1, 0), lease(2, 10)]]


def test_time_counts_only_while_the_registry_could_be_looked_at(seen: InFlight, clock: FakeClock) -> None:
    """After a long cut everybody's registration has run out, and what was last in hand is long ago."""
    looks(seen, clock, 5)
    clock.advance(3600)
    assert looks(seen, clock, 3) == [[]] * 3


def test_a_slot_that_shows_one_item_for_ever_is_frozen(flight: InFlight, clock: FakeClock) -> None:
    flight.start(lease(1))
    for index in (3, 4):
        assert looks(flight, clock, 130, worker("a", index)) == [[]] * 130
    assert looks(flight, clock, 10, worker("a", 4))[-1] == [lease(1)]


def test_a_chunk_far_slower_than_usual_is_a_straggler_once(flight: InFlight, clock: FakeClock) -> None:
    finished(flight, clock, 1, 1, 1)
    flight.start(lease(1))
    clock.advance(3)
    assert flight.stragglers(free=1) == []
    clock.advance(2)
    assert flight.stragglers(free=0) == []
    assert flight.stragglers(free=1) == [lease(1)]
    assert len(flight) == 2
    assert flight.stragglers(free=1) == []


def test_the_oldest_chunks_come_first(flight: InFlight, clock: FakeClock) -> None:
    finished(flight, clock, 0.1)
    for token in (1, 2, 3):
        flight.start(lease(token))
        clock.advance(1)
    clock.advance(10)
    assert flight.stragglers(free=2) == [lease(1), lease(2)]


def test_before_anything_is_known_a_leases_life_is_usual(flight: InFlight, clock: FakeClock) -> None:
    flight.start(lease(1))
    clock.advance(59)
    assert flight.stragglers(free=1) == []
    clock.advance(2)
    assert flight.stragglers(free=1) == [lease(1)]


def test_speculation_can_be_switched_off(clock: FakeClock) -> None:
    flight = InFlight(SETTINGS.model_copy(update={"speculation": 0}), clock)
    flight.start(lease(1))
    clock.advance(10_000)
    assert flight.stragglers(free=1) == []


def test_a_copy_that_fails_means_nothing_while_the_other_is_out(flight: InFlight, clock: FakeClock) -> None:
    flight.start(lease(1))
    clock.advance(100)
    assert flight.stragglers(free=1)
    assert not flight.land(lease(1), whole=False)
    assert flight.land(lease(1), whole=False), "the last one's end is the chunk's"
    assert flight.end(lease(1))
    assert not flight.land(lease(1), whole=False), "nobody waits for it"
    assert flight.land(lease(1), whole=True), "a late result is the registry's to refuse"
