"""The commands as a user types them: deploy, stress, purge, down, with standard input closed."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from rayjobs_cli.setup.bootstrap import ROOT
from rayjobs_cli.targets.client import Client
from rayjobs_cli.targets.local.plan import LOOPBACK
from rayjobs_cli.targets.local.state import state_file

LIMIT_S = 240


def command(
    name: str, folder: Path, *options: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, str(ROOT / "scripts" / f"{name}.py"), "--state", str(folder), *options),
        env={**os.environ, **(settings or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )


def document(done: subprocess.CompletedProcess[str], status: int = 0) -> dict[str, Any]:
    assert done.returncode == status, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def deploy(
    folder: Path, *options: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    given = ("--port", "0", "--dashboard-port", "0", "--json", *options)
    return command("deploy", folder, *given, settings=settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("deployed")
    yield folder
    command("deploy", folder, "--down")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    shutil.copy(ROOT / "images" / "samples" / "brushes_640x480.jpg", folder / "a.jpg")
    return folder


@pytest.fixture(scope="module")
def deployed(folder: Path, pictures: Path) -> dict[str, Any]:
    settings = {"RAYJOBS_ROOTS": str(pictures), "RAYJOBS_MAX_FRAMES": "9"}
    return document(deploy(folder, settings=settings))


def test_deploy_says_where_everything_is(deployed: dict[str, Any], folder: Path) -> None:
    assert {"target", "api", "dashboard", "redis", "state", "pids"} <= deployed.keys()
    assert deployed["changed"] is True
    assert deployed["state"] == str(folder)
    assert deployed["pids"].keys() == {"supervisor", "redis", "ray", "api", "dispatcher", "agent"}
    assert all(psutil.pid_exists(pid) for pid in deployed["pids"].values())


def test_a_second_deploy_changes_nothing_and_says_so(deployed: dict[str, Any], folder: Path) -> None:
    again = deploy(folder)
    assert document(again) == {**deployed, "changed": False}
    assert "nothing was changed" in again.stderr


def test_the_settings_of_the_environment_hold(deployed: dict[str, Any], pictures: Path) -> None:
    client = Client(deployed["api"])
    batch = client.submit({"source": {"type": "folder", "path": str(pictures)}, "pipeline": []})
    assert client.ended(batch["id"])["counts"]["succeeded"] == 1


def test_another_setting_for_what_runs_is_refused_by_name(deployed: dict[str, Any], folder: Path) -> None:
    assert deployed
    assert document(deploy(folder, settings={"RAYJOBS_MAX_FRAMES": "9"}))["changed"] is False
    error = document(deploy(folder, settings={"RAYJOBS_MAX_FRAMES": "8"}), 3)["error"]
    assert error["code"] == "settings_differ"
    assert "RAYJOBS_MAX_FRAMES is set" in error["detail"]


def test_the_load_is_carried_out_and_reported(deployed: dict[str, Any], folder: Path) -> None:
    assert deployed
    done = command("stress", folder, "--json")
    told = document(done)
    assert told["ok"], told["faults"]
    assert (told["images"], len(told["batches"])) == (20, 10)
    assert told["scaling"][-1].keys() == {"t_s", "cpu_percent", "floor", "pods", "ready", "queue"}
    assert told["scaling"][-1]["queue"] == 0
    assert "<!doctype html>" in Path(told["report"]).read_text(encoding="utf-8")
    assert "all succeeded" in done.stderr


def test_a_purge_waits_for_the_workers(deployed: dict[str, Any], folder: Path) -> None:
    assert deployed
    told = document(command("purge", folder, "--json"))
    assert told["registered"] == 1
    assert told["run_id"]


def test_down_ends_what_was_started(deployed: dict[str, Any], folder: Path) -> None:
    family = psutil.Process(deployed["pids"]["supervisor"]).children(recursive=True)
    told = document(deploy(folder, "--down"))
    assert [process for process in family if process.is_running()] == []
    assert told["ended"] == ["supervisor", "agent", "dispatcher", "api", "ray", "redis"]
    assert not state_file(folder).exists()
    assert document(deploy(folder, "--down"))["ended"] == []


def test_without_a_running_system_the_others_say_how_to_start_it(tmp_path: Path) -> None:
    for name in ("stress", "purge"):
        done = command(name, tmp_path, "--json")
        assert document(done, 3)["error"]["code"] == "not_running"
        assert "deploy.py" in done.stderr


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        done = command("deploy", tmp_path, "--port", str(taken.getsockname()[1]), "--json")
    assert document(done, 3)["error"]["code"] == "port_taken"
    assert len(done.stderr.splitlines()) == 1


def test_a_state_that_can_not_be_read_is_not_guessed(tmp_path: Path) -> None:
    state_file(tmp_path).write_text("{", encoding="utf-8")
    for options in ((), ("--down",)):
        assert document(deploy(tmp_path, *options), 3)["error"]["code"] == "state_unreadable"


def test_without_a_kubeconfig_it_is_said_how_to_name_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    error = document(command("deploy", tmp_path, "k8s", "--json"), 3)["error"]
    assert error["code"] == "no_cluster"
    assert "--context" in error["remedy"]


@pytest.mark.parametrize("name", ["demo", "deploy", "purge", "stress"])
def test_help_shows_one_full_example(name: str, tmp_path: Path) -> None:
    done = command(name, tmp_path, "--help")
    assert done.returncode == 0
    assert f"examples:\n  python scripts/{name}.py" in done.stdout


def test_wrong_usage_has_a_status_of_its_own(tmp_path: Path) -> None:
    assert command("deploy", tmp_path, "--port", "70000").returncode == 2
    assert command("stress", tmp_path, "--tasks", "0").returncode == 2
