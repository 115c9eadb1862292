"""Real processes are killed in mid-batch: each is started again, it is said, and the batch ends as ever."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from rayjobs.engine.slot_status import SlotStatusReader
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.local import logs
from tests.support.batches import look
from tests.support.stack import Stack
from tests.support.supervised import same, send
from tests.support.waiting import wait_until

BACK_S = 60.0
"""Until a stack of which Ray was killed is whole again, on a busy machine."""


def in_the_middle(own: Stack, batch_id: str) -> None:
    wait_until(lambda: look(own, batch_id)["counts"]["succeeded"] >= 3, 30, "the batch is on its way")
    assert look(own, batch_id)["counts"]["pending"] > 0


@pytest.mark.parametrize("name", ["dispatcher", "api", "agent", "redis", "ray"])
def test_a_part_is_killed(own: Stack, folder: Path, undisturbed: dict[str, bytes], name: str) -> None:
    wait_until(lambda: own.state.ready, BACK_S, "the stack is whole")
    before = own.state.services[name]
    batch_id = send(own, folder)
    in_the_middle(own, batch_id)
    os.kill(own.pids[name], signal.SIGKILL)

    def is_back() -> bool:
        return own.state.ready and own.state.services[name].restarts > before.restarts

    wait_until(is_back, BACK_S, f"{name} is back")
    after = own.state.services[name]
    assert after.process != before.process
    assert after.last_end is not None
    assert any(f"{name} ended" in line for line in logs.tail(own.folder, "supervisor", 50))
    wait_until(lambda: answers(own), 30, "the API answers, and the worker is registered again")
    same(own, batch_id, undisturbed)


def answers(own: Stack) -> bool:
    try:
        return bool(own.client.workers())
    except CommandError:
        return False


def test_a_slot_is_killed(own: Stack, folder: Path, undisturbed: dict[str, bytes]) -> None:
    batch_id = send(own, folder)
    in_the_middle(own, batch_id)
    wait_until(lambda: slots(own), 10, "a slot has an item in hand")
    slots(own)[0].kill()
    same(own, batch_id, undisturbed)


def slots(own: Stack) -> list[psutil.Process]:
    words = SlotStatusReader(own.folder / "slots").statuses()
    return [psutil.Process(word.pid) for word in words if word.batch_id and psutil.pid_exists(word.pid)]
