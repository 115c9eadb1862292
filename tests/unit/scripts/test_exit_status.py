import json
from pathlib import Path

import pytest

from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude


def fail() -> ExitStatus:
    raise CommandError("port_taken", "Port 8000 is taken.", "Choose another.")


def interrupt() -> ExitStatus:
    raise KeyboardInterrupt


def test_an_error_is_one_clear_line_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(fail, as_json=False) == ExitStatus.ENVIRONMENT
    assert capsys.readouterr() == ("", "error: Port 8000 is taken. Choose another.\n")


def test_a_program_is_told_the_same_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(fail, as_json=True) == 3
    told = {"code": "port_taken", "detail": "Port 8000 is taken.", "remedy": "Choose another."}
    assert json.loads(capsys.readouterr().out) == {"ok": False, "error": told}


def test_what_the_system_refuses_is_one_line_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def write() -> ExitStatus:
        (tmp_path / "missing" / "file").touch()
        return ExitStatus.DONE

    assert conclude(write, as_json=True) == ExitStatus.ENVIRONMENT
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "system_refused"
    assert err == f"error: {tmp_path / 'missing' / 'file'}: No such file or directory.\n"


def test_an_interrupted_command_has_failed() -> None:
    assert conclude(interrupt, as_json=False) == ExitStatus.FAILED


def test_a_command_that_succeeds_ends_with_zero() -> None:
    assert conclude(lambda: ExitStatus.DONE, as_json=True) == 0
