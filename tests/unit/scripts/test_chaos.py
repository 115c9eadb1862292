"""The table of `demo.py --chaos`: equal means every item, not only the sums."""

import io

import pytest

from rayjobs_cli.chaos import faults
from rayjobs_cli.chaos.faults import Comparison, Snapshot
from rayjobs_cli.console import Terminal


def look(**changes: str) -> Snapshot:
    counts = {"total": 3, "succeeded": 2, "failed": 1, "running": 0, "pending": 0}
    batch = {"state": "partial", "counts": counts, "errors_by_code": {"worker_crashed": 1}, "exact": True}
    items = {
        0: ("succeeded", "aa"),
        1: ("failed", "worker_crashed"),
        2: ("succeeded", changes.get("last", "bb")),
    }
    return Snapshot(batch, items, 1.5)


def comparison(after: Snapshot) -> Comparison:
    return Comparison(look(), look(), look(), after, ("Redis was flushed",))


def shown(told: Comparison) -> str:
    terminal = Terminal(file=io.StringIO(), width=120)
    faults.show(told, terminal)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_two_equal_runs_are_said_to_be_equal() -> None:
    told = comparison(look())
    assert told.as_json()["ok"]
    assert "NO" not in shown(told)
    assert "1 worker_crashed" in shown(told)


def test_one_other_byte_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = comparison(look(last="cc"))
    assert not told.as_json()["ok"]
    assert "NO" in shown(told)
    assert capsys.readouterr().out == ""
