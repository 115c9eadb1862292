"""The installed command `rayjobs`: each command has the name that its user types."""

import json
import sys
from pathlib import Path

import pytest

from rayjobs_cli import main


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rayjobs", *words])
    return main.main()


@pytest.mark.parametrize("command", ["up", "down", "demo"])
def test_the_help_of_a_command_names_the_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        called(monkeypatch, command, "--help")
    assert raised.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: rayjobs {command} ")
    assert f"\n  rayjobs {command}" in text.partition("examples:")[2]
    assert ("--slots" in text) is (command != "down")


def test_the_help_lists_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        called(monkeypatch, "--help")
    text = capsys.readouterr().out
    for command in ("up", "down", "demo"):
        assert f"\n  {command}  " in text


def test_down_where_nothing_runs_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "down", "--json", "--state", str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ok": True, "ended": []}
    assert err == "nothing runs; nothing was ended\n"


def test_an_unknown_command_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        called(monkeypatch, "stop")
    assert raised.value.code == 2
    assert "'up', 'down', 'demo'" in capsys.readouterr().err
