"""What the commands share: arguments, the launch, and the purge that waits."""

from argparse import Namespace
from pathlib import Path

import pytest
from typing_extensions import override

from rayjobs_cli import arguments
from rayjobs_cli.commands import purge
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.setup.bootstrap import ROOT
from rayjobs_cli.targets.client import Client, Document


class System(Client):
    """A system whose workers `left` register again after a purge."""

    def __init__(self, *left: str) -> None:
        super().__init__("http://127.0.0.1:9")
        self.registered = ["w1", "w2"]
        self.left = left

    @override
    def workers(self) -> list[Document]:
        return [{"id": name} for name in self.registered]

    @override
    def purge(self) -> Document:
        self.registered = list(self.left)
        return {"run_id": "r_1", "cancelled_batches": 0, "deleted_keys": 3, "workers": len(self.left)}


def parsed(*words: str) -> Namespace:
    parser = arguments.parser("python scripts/x.py", "Summary.", "")
    arguments.add_target(parser, api_port=8000, dashboard_port=8265)
    return parser.parse_args(words)


def test_by_default_everything_stays_in_the_clone() -> None:
    given = parsed()
    assert given.state == ROOT / ".rayjobs"
    assert (given.target, given.port, given.dashboard_port, given.slots) == ("local", 8000, 8265, None)


def test_folders_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = parsed("--state", "s", "--roots", "a", "b")
    assert (given.state, given.roots) == (tmp_path / "s", [tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize("words", [("--port", "65536"), ("--port", "x"), ("--slots", "0"), ("mars",)])
def test_what_can_not_be_is_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as raised:
        parsed(*words)
    assert raised.value.code == ExitStatus.USAGE


def test_a_purge_waits_for_every_worker() -> None:
    assert purge.purge(System("w1", "w2"))["registered"] == 2


def test_a_worker_that_does_not_come_back_is_named() -> None:
    with pytest.raises(CommandError, match="w2") as raised:
        purge.purge(System("w1"), limit_s=0.05)
    assert raised.value.status is ExitStatus.FAILED
