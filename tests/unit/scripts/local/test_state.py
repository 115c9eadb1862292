import json
import os
import stat
from pathlib import Path

import pytest

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.plan import LocalOptions, Plan, decide
from rayjobs_cli.targets.local.state import ProcessId, State, Status


def plan(folder: Path) -> Plan:
    return decide(LocalOptions(folder, 0, 0), {})


def state(folder: Path) -> State:
    return State(plan=plan(folder), supervisor=ProcessId(pid=1, created=2.5))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    ready = Status(phase="ready", process=ProcessId(pid=7, created=1.0), restarts=2, last_end="ended")
    whole = state(tmp_path).model_copy(update={"services": {"redis": ready, "api": Status()}})
    states.write(tmp_path, whole)
    assert states.read(tmp_path) == whole
    assert whole.pids == {"supervisor": 1, "redis": 7}
    assert not whole.ready


def test_a_state_without_services_is_not_ready(tmp_path: Path) -> None:
    assert not state(tmp_path).ready
    ready = {"redis": Status(phase="ready")}
    assert state(tmp_path).model_copy(update={"services": ready}).ready


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_can_read_the_password(tmp_path: Path) -> None:
    assert states.create(tmp_path, state(tmp_path))
    assert stat.S_IMODE(states.state_file(tmp_path).stat().st_mode) == 0o600
    states.write(tmp_path, state(tmp_path))
    assert stat.S_IMODE(states.state_file(tmp_path).stat().st_mode) == 0o600


def test_only_the_first_of_two_deploys_creates_the_state(tmp_path: Path) -> None:
    first, second = state(tmp_path), state(tmp_path)
    assert states.create(tmp_path, first)
    assert not states.create(tmp_path, second)
    assert states.read(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_without_a_file_nothing_runs(tmp_path: Path) -> None:
    assert states.read(tmp_path) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"schema_version": 1}', '{"schema_version": "x"}', "\xff"]
)
def test_a_file_that_is_no_state_is_told_not_guessed(tmp_path: Path, content: str) -> None:
    states.state_file(tmp_path).write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError) as raised:
        states.read(tmp_path)
    assert raised.value.code == "state_unreadable"
    assert raised.value.status is ExitStatus.ENVIRONMENT
    assert str(states.state_file(tmp_path)) in raised.value.remedy


def test_the_state_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    newer = json.dumps({"schema_version": states.SCHEMA + 1, "anything": "else"})
    states.state_file(tmp_path).write_text(newer, encoding="utf-8")
    with pytest.raises(CommandError) as raised:
        states.read(tmp_path)
    assert raised.value.code == "state_newer"
