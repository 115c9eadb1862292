import time
from pathlib import Path

from rayjobs.engine.slot_status import SlotStatus, SlotStatusReader, SlotStatusWriter


def test_what_a_slot_has_in_hand_is_seen_at_once(tmp_path: Path) -> None:
    statuses, status_writer = SlotStatusReader(tmp_path / "slots"), SlotStatusWriter(tmp_path / "slots", 42)
    assert list(statuses.statuses()) == [SlotStatus(42, None, 0, 0)]
    status_writer.take("b_01m85p03cqfk1adnvq3f", 10**9)
    [status] = statuses.statuses()
    assert (status.batch_id, status.index, status.done, status.rendering) == (
        "b_01m85p03cqfk1adnvq3f",
        10**9,
        0,
        True,
    )
    assert 0 <= time.monotonic() - status.since_s < 60
    status_writer.at("thumb")
    assert status_writer.status().variant == "thumb"
    status_writer.rendered()
    assert not status_writer.status().rendering
    status_writer.done()
    status_writer.rest()
    assert list(statuses.statuses()) == [SlotStatus(42, None, 0, 1)]
    statuses.forget(42)
    assert list(statuses.statuses()) == []


def test_an_engine_goes_on_with_the_count_of_the_one_before_it(tmp_path: Path) -> None:
    slot = SlotStatusWriter(tmp_path, 42)
    first = SlotStatusWriter(tmp_path, 42, engine_pid=43)
    first.done()
    second = SlotStatusWriter(tmp_path, 42, engine_pid=44)
    second.take("b_1", 7)
    second.done()
    slot.rest()
    assert slot.status() == SlotStatus(42, None, 0, 2, engine_pid=44)


def test_a_pid_that_comes_again_takes_the_word_and_does_no_harm_to_the_one_before_it(tmp_path: Path) -> None:
    """Cutting a file that somebody maps would end them by SIGBUS."""
    before = SlotStatusWriter(tmp_path, 42)
    before.take("b_1", 7)
    again = SlotStatusWriter(tmp_path, 42)
    before.take("b_1", 8)
    before.done()
    assert before.status().index == 8
    assert again.status() == SlotStatus(42, None, 0, 0)
    assert list(SlotStatusReader(tmp_path).statuses()) == [SlotStatus(42, None, 0, 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["42.slot"]
