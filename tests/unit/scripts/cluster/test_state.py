import os
import stat
from pathlib import Path

import pytest

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.cluster import state as states
from rayjobs_cli.targets.cluster.state import State

STATE = State(context="kind-dev", api_port=8000, dashboard_port=8265, api_key="k", ray_token="t")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert states.read(tmp_path) is None
    states.write(tmp_path / "new", STATE)
    assert states.read(tmp_path / "new") == STATE
    assert STATE.api_url == "http://127.0.0.1:8000"


@pytest.mark.skipif(os.name != "posix", reason="no modes of files")
def test_its_keys_are_for_nobody_else(tmp_path: Path) -> None:
    states.write(tmp_path, STATE)
    assert stat.S_IMODE(states.state_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"context": 1}'])
def test_a_file_that_is_none_is_named_with_what_to_do(text: str, tmp_path: Path) -> None:
    states.state_file(tmp_path).write_text(text, encoding="utf-8")
    with pytest.raises(CommandError) as raised:
        states.read(tmp_path)
    assert raised.value.code == "state_unreadable"
    assert str(states.state_file(tmp_path)) in raised.value.remedy


def test_it_can_be_forgotten_twice(tmp_path: Path) -> None:
    states.write(tmp_path, STATE)
    for _ in range(2):
        states.forget(tmp_path)
    assert states.read(tmp_path) is None
