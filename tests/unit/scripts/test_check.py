"""The order of the checks, and what they print."""

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from rayjobs_cli.development import check, chromium
from rayjobs_cli.development.check import Checks, Step


def told_by(*steps: Step) -> tuple[list[bool], list[str]]:
    """Return the verdicts of these steps, and the lines that people read."""
    out = io.StringIO()
    verdicts = Checks(out).run(steps)
    return [verdict.ok for verdict in verdicts], out.getvalue().splitlines()


def holds() -> bool:
    return True


def fails() -> bool:
    return False


def test_a_step_that_fails_does_not_keep_the_later_ones_from_running() -> None:
    verdicts, lines = told_by(Step("lint", fails), Step("types", holds), Step("tests", holds))
    assert verdicts == [False, True, True]
    assert lines[0].split()[:2] == ["lint", "FAILED"]
    assert lines[1].split()[:2] == ["types", "ok"]


def test_what_failed_is_repeated_just_ahead_of_the_tests() -> None:
    _, lines = told_by(
        Step("lint", fails), Step("types", fails), Step("spelling", holds), Step("tests", holds)
    )
    assert lines[-1] == "FAILED before the tests: lint, types"


def test_nothing_is_told_after_the_tests_own_summary() -> None:
    _, lines = told_by(Step("lint", holds), Step("tests", fails))
    assert [line.split()[0] for line in lines] == ["lint"]


def test_the_tests_come_last_and_the_fast_ones_need_no_browser() -> None:
    every = [step.name for step in Checks(io.StringIO()).steps(fast=False)]
    fast = [step.name for step in Checks(io.StringIO()).steps(fast=True)]
    assert every[-2:] == ["browser", "tests"]
    assert fast == [name for name in every if name != "browser"]


@pytest.mark.parametrize("ok", [True, False])
def test_the_exit_status_and_the_json_say_whether_all_steps_held(
    *, ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [Step("lint", lambda: ok), Step("tests", holds)]
    monkeypatch.setattr(Checks, "steps", lambda _self, **_options: steps)
    monkeypatch.setattr(sys, "argv", ["check.py", "--json"])
    assert check.main() == (0 if ok else 1)
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert answer["ok"] is ok
    assert [step["name"] for step in answer["steps"]] == ["lint", "tests"]
    assert printed.err.startswith("lint")


def test_a_tool_is_quoted_only_if_it_finds_something(tmp_path: Path) -> None:
    clean, faulty = tmp_path / "clean.py", tmp_path / "faulty.py"
    clean.write_text("ANSWER = 42\n", encoding="utf-8")
    faulty.write_text("import os\n", encoding="utf-8")
    out = io.StringIO()
    checks = Checks(out)
    assert checks.passes("ruff", "check", "--isolated", str(clean))
    assert out.getvalue() == ""
    assert not checks.passes("ruff", "check", "--isolated", str(faulty))
    assert "faulty.py:1" in out.getvalue()


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a machine that has none and may not install one."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(chromium, "find_chromium", lambda: None)


@pytest.mark.usefixtures("no_browser")
@pytest.mark.parametrize(("ci", "ok", "word"), [("true", False, "fail"), ("", True, "skipped")])
def test_a_missing_browser_is_a_fault_in_ci_and_a_remark_on_a_laptop(
    ci: str, *, ok: bool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    out = io.StringIO()
    assert Checks(out).has_browser() is ok
    assert word in out.getvalue()
    assert chromium.REMEDY in out.getvalue()


def test_a_browser_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "chromium.exe" if sys.platform == "win32" else "chromium"
    browser = tmp_path / name
    browser.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find_chromium() == browser
