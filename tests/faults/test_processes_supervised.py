"""The supervisor itself is killed, or loses its state file: nothing that it had started is left behind."""

from pathlib import Path

import psutil

from rayjobs_cli.targets.local import ray_folder
from rayjobs_cli.targets.local import stack as stacks
from rayjobs_cli.targets.local.plan import LocalOptions
from rayjobs_cli.targets.local.processes import find, marked
from rayjobs_cli.targets.local.state import state_file
from tests.support.stack import Stack
from tests.support.waiting import wait_until


def test_what_a_killed_supervisor_leaves_behind_is_ended_by_the_next_deploy(own: Stack) -> None:
    before, pids = own.state, own.pids
    psutil.Process(pids["supervisor"]).kill()
    wait_until(lambda: find(before.supervisor) is None, 10, "the supervisor is gone")
    assert psutil.pid_exists(pids["redis"])

    said: list[str] = []
    assert stacks.deploy(LocalOptions(own.folder, 0, 0), said.append).changed
    assert any("remains are removed" in line for line in said)
    assert marked(before.plan.stack) == []
    assert own.state.ready
    assert set(own.pids.values()).isdisjoint(pids.values())


# The stack of this folder ends here.
def test_a_stack_whose_state_file_is_taken_away_ends(own: Stack) -> None:
    state = own.state
    family = psutil.Process(state.supervisor.pid).children(recursive=True)
    state_file(own.folder).unlink()
    wait_until(lambda: find(state.supervisor) is None, 60, "the supervisor has ended")
    assert marked(state.plan.stack) == []
    assert [process for process in family if process.is_running()] == []
    assert not ray_folder.usable(Path("/long" * 20), state.plan.stack).is_symlink()
