"""The queues between an engine's threads, and what happens when one of them fails."""

import threading
from pathlib import Path
from typing import cast

import pytest
from typing_extensions import override

from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.engine.assignment import Assignment
from rayjobs.engine.attempt import Attempt, RenderContext
from rayjobs.engine.process.item_pipeline import BoundedQueue, ItemPipeline
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.errors import StoreUnavailableError
from rayjobs.model.item import Item, Outcome
from rayjobs.request.spec import parse_request
from rayjobs.settings import Settings
from tests.support.waiting import wait_until

BODY = {"source": {"type": "samples", "count": 12}, "pipeline": [{"name": "thumbnail", "size": 16}]}


class Parcel:
    """Stands for an attempt that holds so many bytes."""

    def __init__(self, held_bytes: int) -> None:
        self.held_bytes = held_bytes


def parcel(size: int) -> Attempt:
    return cast("Attempt", Parcel(size))


def test_a_lane_takes_no_more_bytes_than_it_may() -> None:
    queue, sent = BoundedQueue(100), []

    def send() -> None:
        for size in (60, 60, 500):
            queue.put(parcel(size))
            sent.append(size)
        queue.end()

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: sent, 5, "the first is on its way")
    got: list[int] = []
    while (each := queue.get()) is not None:
        assert len(sent) <= len(got) + 2
        got.append(each.held_bytes)
    sender.join()
    assert got == [60, 60, 500]  # also the one that is larger than all that may wait


def test_both_ends_of_a_failed_lane_learn_of_it() -> None:
    queue = BoundedQueue(10)
    queue.fail(StoreUnavailableError("away"))
    queue.fail(KeyError("a consequence"))
    for use in (queue.get, queue.check, lambda: queue.put(parcel(1))):
        with pytest.raises(StoreUnavailableError):
            use()


class AwayAfter(MemoryStore):
    """Is away once so many blobs were written."""

    def __init__(self, blobs: int) -> None:
        super().__init__()
        self._left = blobs

    @override
    def put(self, key: str, data: bytes) -> None:
        if not self._left:
            raise StoreUnavailableError("the store is away")
        self._left -= 1
        super().put(key, data)


@pytest.fixture
def assignment(pictures: Path) -> Assignment:
    form, work = parse_request(BODY)
    items = tuple(Item(i, str(path)) for i, path in enumerate(sorted(pictures.iterdir())))
    return Assignment("b_1", 1, form.document(work), items)


def pipeline(settings: Settings, store: MemoryStore, reported: list[Outcome], folder: Path) -> ItemPipeline:
    return ItemPipeline(
        RenderContext(settings, store), SlotStatusWriter(folder, 1), reported.append, item_s=60
    )


def test_outcomes_are_told_in_order_after_their_outputs_are_written(
    farm_settings: Settings, assignment: Assignment, tmp_path: Path
) -> None:
    reported: list[Outcome] = []
    store = MemoryStore()
    pipeline(farm_settings, store, reported, tmp_path).carry_out(assignment, threading.Event())
    assert [(o.index, o.state) for o in reported] == [(i, "succeeded") for i in range(12)]
    assert len(list(store.names("outputs/b_1"))) == 12


@pytest.mark.parametrize("blobs", [0, 5, 11])
def test_a_store_that_goes_away_ends_the_assignment_and_leaves_no_thread(
    farm_settings: Settings, assignment: Assignment, tmp_path: Path, blobs: int
) -> None:
    reported: list[Outcome] = []
    with pytest.raises(StoreUnavailableError):
        pipeline(farm_settings, AwayAfter(blobs), reported, tmp_path).carry_out(assignment, threading.Event())
    assert [o.index for o in reported] == list(range(blobs))
    assert not [thread for thread in threading.enumerate() if "guarded" in thread.name]


def test_an_engine_that_is_to_leave_begins_no_further_item(
    farm_settings: Settings, assignment: Assignment, tmp_path: Path
) -> None:
    reported: list[Outcome] = []
    leave = threading.Event()

    def report(outcome: Outcome) -> None:
        reported.append(outcome)
        leave.set()

    ItemPipeline(
        RenderContext(farm_settings, MemoryStore()), SlotStatusWriter(tmp_path, 1), report, item_s=60
    ).carry_out(assignment, leave)
    assert 1 <= len(reported) < 12


def test_a_missing_picture_fails_alone(
    farm_settings: Settings, assignment: Assignment, tmp_path: Path
) -> None:
    Path(assignment.items[3].source).unlink()
    reported: list[Outcome] = []
    pipeline(farm_settings, MemoryStore(), reported, tmp_path).carry_out(assignment, threading.Event())
    codes = {o.index: o.error.code for o in reported if o.error}
    assert codes == {3: "source_not_found"}
    assert len(reported) == 12
