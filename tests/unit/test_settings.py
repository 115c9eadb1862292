"""A value that can't be used is told by the name of its variable, before anything starts."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rayjobs.errors import SettingsError
from rayjobs.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("MAX_CACHE_ENTRIES", "255", "greater than or equal to 256"),
        ("MAX_CACHE_ENTRIES", "1e5", "a valid integer"),
        ("MAX_PRESETS", "-1", "greater than or equal to 0"),
        ("MAX_PRESET_VERSIONS", "0", "greater than or equal to 1"),
        ("MAX_PRESET_VERSIONS", "", "a valid integer"),
        ("ENGINE", "none", "'process' or 'inline'"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    name: str, value: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RAYJOBS_{name}", value)
    monkeypatch.setenv("RAYJOBS_HEARTBEAT_S", "often")
    with pytest.raises(SettingsError, match=f"RAYJOBS_{name}='{value}': .*{wrong}") as caught:
        Settings.read()
    assert "RAYJOBS_HEARTBEAT_S='often': " in caught.value.detail, "all that is wrong is told at once"


def test_no_process_starts_with_it() -> None:
    environment = {**os.environ, "RAYJOBS_MAX_PRESETS": "many"}
    told: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    started = [
        subprocess.Popen([sys.executable, "-m", *process], cwd=ROOT, env=environment, **told)
        for process in (["rayjobs_api"], ["rayjobs.entrypoints.agent"])
    ]
    for process in started:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 3
        [line] = said.splitlines()
        assert "leaving: RAYJOBS_MAX_PRESETS='many': " in line
