import os
from pathlib import Path

import pytest

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.local import stack as stacks
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.plan import LocalOptions, decide
from rayjobs_cli.targets.local.processes import identify
from rayjobs_cli.targets.local.state import ProcessId, State


def silent(_: str) -> None:
    return


def test_down_where_nothing_was_started_does_nothing(tmp_path: Path) -> None:
    assert stacks.down(tmp_path) == []


def test_a_redis_of_the_user_that_does_not_answer_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    with pytest.raises(CommandError) as raised:
        stacks.deploy(LocalOptions(tmp_path, 0, 0), silent)
    assert raised.value.code == "redis_unreachable"
    assert states.read(tmp_path) is None


def test_a_deploy_that_fails_before_it_has_a_supervisor_does_not_end_itself(tmp_path: Path) -> None:
    state = State(plan=decide(LocalOptions(tmp_path, 0, 0), {}), supervisor=identify(os.getpid()))
    states.write(tmp_path, state)
    assert stacks.down(tmp_path) == []
    assert states.read(tmp_path) is None


def test_the_state_of_a_dead_stack_is_removed_by_down(tmp_path: Path) -> None:
    dead = ProcessId(pid=os.getpid(), created=1.0)
    states.write(tmp_path, State(plan=decide(LocalOptions(tmp_path, 0, 0), {}), supervisor=dead))
    assert stacks.down(tmp_path) == []
    assert states.read(tmp_path) is None
