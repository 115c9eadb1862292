"""The same on a whole stack with a real Ray: the Ray worker, the chunk and the neighbours don't notice."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rayjobs.board import Board, Word
from tests.support.batches import finished, look, outputs, submit
from tests.support.broken_decoder import HOOK, broken
from tests.support.pictures import SAMPLES
from tests.support.stack import Stack, running
from tests.support.waiting import wait_until

PIPELINE = [{"name": "resize", "width": 1200, "height": 900}, {"name": "blur", "radius": 4}]
COUNT = 24


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {**HOOK, "RAYJOBS_ITEM_DEADLINE_S": "10"}
    with running(tmp_path_factory.mktemp("broken"), environment=environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(own: Stack) -> Path:
    folder = own.folder / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        shutil.copy(SAMPLES / "brushes_640x480.jpg", folder / f"{index:02d}.jpg")
    return folder


def busy(own: Stack) -> list[Word]:
    """Return the words of the slots whose engine processes have an item in hand."""
    words = [word for word in Board(own.folder / "board").words() if word.batch_id]
    return [word for word in words if psutil.pid_exists(word.pid) and psutil.pid_exists(word.engine_pid)]


def slots(own: Stack) -> set[int]:
    return {word.pid for word in Board(own.folder / "board").words()}


@pytest.fixture(scope="module")
def clean(own: Stack, folder: Path) -> dict[str, bytes]:
    batch = finished(own, submit(own, {"type": "folder", "path": str(folder)}, PIPELINE))
    assert batch["counts"]["succeeded"] == COUNT
    return outputs(own, batch["id"])


def test_no_engine_process_knows_ray(own: Stack, clean: dict[str, bytes]) -> None:
    assert clean
    engines = [psutil.Process(word.engine_pid) for word in Board(own.folder / "board").words()]
    assert engines
    maps = {mapped.path for engine in engines for mapped in engine.memory_maps()}
    assert any("vips" in path for path in maps)
    assert not any("/ray/" in path for path in maps)
    assert not any("REDIS_URL" in engine.environ() for engine in engines)


def test_an_engine_process_is_killed_in_mid_chunk(own: Stack, folder: Path, clean: dict[str, bytes]) -> None:
    before = slots(own)
    batch_id = submit(own, {"type": "folder", "path": str(folder)}, PIPELINE)
    wait_until(lambda: look(own, batch_id)["counts"]["succeeded"] >= 2, 60, "the batch is on its way")
    wait_until(lambda: busy(own), 30, "an engine process has an item in hand")
    os.kill(busy(own)[0].engine_pid, signal.SIGKILL)
    batch = finished(own, batch_id)
    assert (batch["state"], batch["counts"]["succeeded"]) == ("succeeded", COUNT)
    assert outputs(own, batch_id) == clean
    assert slots(own) == before
    assert own.client.queue()["leases"] == 0


@pytest.mark.parametrize(("how", "code"), [("crash", "worker_crashed"), ("hang", "deadline")])
def test_a_broken_picture_fails_alone(
    own: Stack, folder: Path, clean: dict[str, bytes], how: str, code: str
) -> None:
    before = slots(own)
    poison = folder / "11.jpg"
    whole = poison.read_bytes()
    poison.write_bytes(broken(whole, how))
    try:
        batch_id = submit(own, {"type": "folder", "path": str(folder)}, PIPELINE)
        batch = finished(own, batch_id)
    finally:
        poison.write_bytes(whole)
    assert (batch["state"], batch["errors_by_code"]) == ("partial", {code: 1})
    assert outputs(own, batch_id) == {name: data for name, data in clean.items() if "-11." not in name}
    assert slots(own) == before


def test_a_slot_that_is_told_to_leave_gives_the_rest_back_and_costs_no_attempt(
    own: Stack, folder: Path, clean: dict[str, bytes]
) -> None:
    batch_id = submit(own, {"type": "folder", "path": str(folder)}, PIPELINE)
    wait_until(lambda: busy(own), 60, "a slot has an item in hand")
    os.kill(busy(own)[0].pid, signal.SIGTERM)
    batch = finished(own, batch_id)
    assert (batch["state"], outputs(own, batch_id)) == ("succeeded", clean)
    assert {item["attempts"] for item in own.client.items(batch_id)} == {1}


def test_nothing_is_left_of_an_engine_whose_slot_was_killed(own: Stack, clean: dict[str, bytes]) -> None:
    assert clean
    engines = [word.engine_pid for word in Board(own.folder / "board").words()]
    slot = min(slots(own))
    os.kill(slot, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(slot), 10, "the slot is gone")
    wait_until(lambda: sum(map(psutil.pid_exists, engines)) < len(engines), 10, "so is its engine process")
