"""What the supervisor does when the processes that it holds, or it itself, are killed."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.load import heavy
from scripts.local import logs, ray_folder
from scripts.local import stack as stacks
from scripts.local.plan import Order
from scripts.local.processes import find, marked
from scripts.local.state import state_file
from tests.support.stack import Stack, running
from tests.support.waiting import wait_until

BACK_S = 60.0
"""Until a stack of which Ray was killed is whole again, on a busy machine."""


# One stack for the whole file, since its start takes longer than most tests; the last test ends it.
@pytest.fixture(scope="module", name="victim")
def stack_to_be_harmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("victim")) as stack:
        yield stack


def kill(stack: Stack, name: str) -> None:
    psutil.Process(stack.pids[name]).kill()


def is_back(stack: Stack, name: str, restarts: int) -> bool:
    return stack.state.ready and stack.state.services[name].restarts > restarts


@pytest.mark.parametrize("name", ["redis", "agent", "api", "ray"])
def test_a_killed_process_is_started_again_and_it_is_said(victim: Stack, name: str) -> None:
    before = victim.state.services[name]
    kill(victim, name)
    wait_until(lambda: is_back(victim, name, before.restarts), BACK_S, f"{name} is back")
    after = victim.state.services[name]
    assert after.process != before.process
    assert after.last_end is not None
    assert any(f"{name} ended" in line for line in logs.tail(victim.folder, "supervisor", 50))
    wait_until(victim.client.workers, 15, "the worker is registered again")


def test_a_dispatcher_killed_in_mid_batch_costs_nothing(victim: Stack) -> None:
    wait_until(lambda: victim.state.ready, BACK_S, "the stack is whole")
    total = 40
    batch_id = victim.client.submit(heavy(total))["id"]

    def batch() -> dict[str, object]:
        return next(one for one in victim.client.batches() if one["id"] == batch_id)

    def succeeded() -> int:
        counts = batch()["counts"]
        assert isinstance(counts, dict)
        return int(counts["succeeded"])

    wait_until(lambda: succeeded() > 0, 30, "the first item is done")
    kill(victim, "dispatcher")
    wait_until(lambda: batch()["state"] == "succeeded", 120, "the batch is done")
    items = victim.client.items(batch_id)
    assert [item["index"] for item in items] == list(range(total))
    assert len({item["output"]["uri"] for item in items}) == total


def test_what_a_killed_supervisor_leaves_behind_is_ended_by_the_next_deploy(victim: Stack) -> None:
    before, pids = victim.state, victim.pids
    kill(victim, "supervisor")
    wait_until(lambda: find(before.supervisor) is None, 10, "the supervisor is gone")
    assert psutil.pid_exists(pids["redis"])

    said: list[str] = []
    assert stacks.deploy(Order(victim.folder, 0, 0), said.append).changed
    assert any("remains are removed" in line for line in said)
    assert marked(before.plan.stack) == []
    assert victim.state.ready
    assert set(victim.pids.values()).isdisjoint(pids.values())


def test_a_stack_whose_state_file_is_taken_away_ends(victim: Stack) -> None:
    state = victim.state
    family = psutil.Process(state.supervisor.pid).children(recursive=True)
    state_file(victim.folder).unlink()
    wait_until(lambda: find(state.supervisor) is None, 60, "the supervisor has ended")
    assert marked(state.plan.stack) == []
    assert [process for process in family if process.is_running()] == []
    assert not ray_folder.usable(Path("/long" * 20), state.plan.stack).is_symlink()
