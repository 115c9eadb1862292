"""The same on a whole stack with a real Ray: the Ray worker, the chunk and the neighbours don't notice."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from rayjobs.engine.slot_status import SlotStatus, SlotStatusReader
from tests.support.batches import finished, look, outputs
from tests.support.broken_decoder import broken
from tests.support.stack import Stack
from tests.support.supervised import COUNT, send
from tests.support.waiting import wait_until


def busy(own: Stack) -> list[SlotStatus]:
    """Return the words of the slots whose engine processes have an item in hand."""
    words = [word for word in SlotStatusReader(own.folder / "slots").statuses() if word.batch_id]
    return [word for word in words if psutil.pid_exists(word.pid) and psutil.pid_exists(word.engine_pid)]


def slots(own: Stack) -> set[int]:
    return {word.pid for word in SlotStatusReader(own.folder / "slots").statuses()}


def test_no_engine_process_knows_ray(own: Stack, undisturbed: dict[str, bytes]) -> None:
    assert undisturbed
    engines = [psutil.Process(word.engine_pid) for word in SlotStatusReader(own.folder / "slots").statuses()]
    assert engines
    maps = {mapped.path for engine in engines for mapped in engine.memory_maps()}
    assert any("vips" in path for path in maps)
    assert not any("/ray/" in path for path in maps)
    assert not any("REDIS_URL" in engine.environ() for engine in engines)


def test_an_engine_process_is_killed_in_mid_chunk(
    own: Stack, folder: Path, undisturbed: dict[str, bytes]
) -> None:
    before = slots(own)
    batch_id = send(own, folder)
    wait_until(lambda: look(own, batch_id)["counts"]["succeeded"] >= 2, 60, "the batch is on its way")
    wait_until(lambda: busy(own), 30, "an engine process has an item in hand")
    os.kill(busy(own)[0].engine_pid, signal.SIGKILL)
    batch = finished(own, batch_id)
    assert (batch["state"], batch["counts"]["succeeded"]) == ("succeeded", COUNT)
    assert outputs(own, batch_id) == undisturbed
    assert slots(own) == before
    assert own.client.queue()["leases"] == 0


@pytest.mark.parametrize(("how", "code"), [("crash", "worker_crashed"), ("hang", "deadline")])
def test_a_broken_picture_fails_alone(
    own: Stack, folder: Path, undisturbed: dict[str, bytes], how: str, code: str
) -> None:
    before = slots(own)
    poison = folder / "11.jpg"
    whole = poison.read_bytes()
    poison.write_bytes(broken(whole, how))
    try:
        batch_id = send(own, folder)
        batch = finished(own, batch_id)
    finally:
        poison.write_bytes(whole)
    assert (batch["state"], batch["errors_by_code"]) == ("partial", {code: 1})
    assert outputs(own, batch_id) == {name: data for name, data in undisturbed.items() if "-11." not in name}
    assert slots(own) == before


def test_a_slot_that_is_told_to_leave_gives_the_rest_back_and_costs_no_attempt(
    own: Stack, folder: Path, undisturbed: dict[str, bytes]
) -> None:
    batch_id = send(own, folder)
    wait_until(lambda: busy(own), 60, "a slot has an item in hand")
    os.kill(busy(own)[0].pid, signal.SIGTERM)
    batch = finished(own, batch_id)
    assert (batch["state"], outputs(own, batch_id)) == ("succeeded", undisturbed)
    assert {item["attempts"] for item in own.client.items(batch_id)} == {1}


def test_nothing_is_left_of_an_engine_whose_slot_was_killed(
    own: Stack, undisturbed: dict[str, bytes]
) -> None:
    assert undisturbed
    engines = [word.engine_pid for word in SlotStatusReader(own.folder / "slots").statuses()]
    slot = min(slots(own))
    os.kill(slot, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(slot), 10, "the slot is gone")
    wait_until(lambda: sum(map(psutil.pid_exists, engines)) < len(engines), 10, "so is its engine process")


def test_a_dispatcher_that_is_told_to_leave_waits_for_an_item_that_outlasts_its_successor_s_start(
    own: Stack, folder: Path, undisturbed: dict[str, bytes]
) -> None:
    slow = own.folder / "slow"
    slow.mkdir()
    (slow / "00.jpg").write_bytes(broken((folder / "00.jpg").read_bytes(), "wait 9"))
    batch_id, old = send(own, slow), own.pids["dispatcher"]
    wait_until(lambda: busy(own), 30, "the item is in hand")
    wait_until(lambda: own.client.workers()[0]["busy_slots"] > 0, 10, "the dispatcher can know of it")
    os.kill(old, signal.SIGTERM)
    assert finished(own, batch_id)["counts"]["succeeded"] == 1
    assert list(outputs(own, batch_id).values()) == [next(iter(undisturbed.values()))]
    commits = list((own.folder / "store" / "record" / batch_id / "results").iterdir())
    assert len(commits) == 1, "it was not given back, and run again"
    wait_until(lambda: own.pids.get("dispatcher", old) != old, 60, "another dispatcher leads")
    assert "dispatcher ended with status 0" in (own.folder / "logs" / "supervisor.log").read_text("utf-8")
