"""Real processes of a real stack are killed in mid-batch: the batch ends as an undisturbed one does."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.outcome import CommandError
from tests.support.batches import finished, look, outputs, submit
from tests.support.stack import Stack, running
from tests.support.waiting import wait_until

SOURCE = {"type": "samples", "count": 40}
PIPELINE = [{"name": "resize", "width": 1500, "height": 1000}, {"name": "blur", "radius": 3}]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("harmed")) as stack:
        yield stack


@pytest.fixture(scope="module")
def clean(own: Stack) -> dict[str, bytes]:
    """Return the outputs of an undisturbed run."""
    batch = finished(own, submit(own, SOURCE, PIPELINE))
    assert batch["state"] == "succeeded"
    return outputs(own, batch["id"])


def in_the_middle(own: Stack, batch_id: str) -> None:
    wait_until(lambda: look(own, batch_id)["counts"]["succeeded"] >= 5, 30, "the batch is on its way")
    assert look(own, batch_id)["counts"]["pending"] > 0


def same_as_clean(own: Stack, batch_id: str, clean: dict[str, bytes]) -> None:
    batch = finished(own, batch_id)
    assert (batch["state"], batch["counts"]["succeeded"], batch["counts"]["total"]) == ("succeeded", 40, 40)
    assert outputs(own, batch_id) == clean
    assert [item["index"] for item in own.client.items(batch_id)] == list(range(40))
    assert own.client.queue()["leases"] == 0


def restarted(own: Stack, name: str, old: int) -> None:
    wait_until(lambda: own.pids.get(name, old) != old, 30, f"the supervisor starts the {name} again")


def answers(own: Stack) -> bool:
    try:
        return "workers" in own.client._json("GET", "/workers")
    except CommandError:
        return False


def test_the_dispatcher_is_killed(own: Stack, clean: dict[str, bytes]) -> None:
    batch_id, old = submit(own, SOURCE, PIPELINE), own.pids["dispatcher"]
    in_the_middle(own, batch_id)
    os.kill(old, signal.SIGKILL)
    restarted(own, "dispatcher", old)
    same_as_clean(own, batch_id, clean)


def test_the_api_is_killed(own: Stack, clean: dict[str, bytes]) -> None:
    batch_id, old = submit(own, SOURCE, PIPELINE), own.pids["api"]
    in_the_middle(own, batch_id)
    os.kill(old, signal.SIGKILL)
    restarted(own, "api", old)
    wait_until(lambda: answers(own), 30, "the API answers again")
    same_as_clean(own, batch_id, clean)


def test_a_slot_is_killed(own: Stack, clean: dict[str, bytes]) -> None:
    batch_id = submit(own, SOURCE, PIPELINE)
    in_the_middle(own, batch_id)
    wait_until(lambda: slots(own), 10, "a slot has an item in hand")
    slots(own)[0].kill()
    same_as_clean(own, batch_id, clean)


def test_redis_is_killed(own: Stack, clean: dict[str, bytes]) -> None:
    batch_id, old = submit(own, SOURCE, PIPELINE), own.pids["redis"]
    in_the_middle(own, batch_id)
    os.kill(old, signal.SIGKILL)
    restarted(own, "redis", old)
    wait_until(lambda: answers(own), 30, "the API answers again")
    same_as_clean(own, batch_id, clean)


def test_ray_is_killed(own: Stack, clean: dict[str, bytes]) -> None:
    batch_id, old = submit(own, SOURCE, PIPELINE), own.pids["ray"]
    in_the_middle(own, batch_id)
    os.kill(old, signal.SIGKILL)
    restarted(own, "ray", old)
    same_as_clean(own, batch_id, clean)


def slots(own: Stack) -> list[psutil.Process]:
    board = Path(own.state.plan.folder) / "board"
    return [psutil.Process(int(p.stem)) for p in board.glob("*.slot") if psutil.pid_exists(int(p.stem))]
