"""The package as its users install it: built, checked, put into an empty environment, and run."""

import email
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rayjobs_cli.setup.bootstrap import LOCK, ROOT

LONGEST_S = 300
EXTRAS = "api,local,worker"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def run(*command: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a program in an environment that knows nothing of this project; return what it prints."""
    foreign = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RAYJOBS_"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**foreign, "PYTHONUTF8": "1", **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of an environment that holds the wheel and what it needs."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", environment, "--python", sys.executable, cwd=wheel.parent)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    python = ("--python", programs / "python", "--constraints", LOCK)
    run(*uv, "pip", "install", *python, f"rayjobs[{EXTRAS}] @ {wheel.as_uri()}", cwd=wheel.parent)
    return programs


def test_what_is_built_can_be_published(built: Path) -> None:
    files = sorted(built.iterdir())
    assert [each.name.rpartition("-")[2] for each in files] == ["any.whl", f"{VERSION}.tar.gz"]
    told = run(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=built)
    assert told.count("PASSED") == len(files)


def test_the_wheel_has_no_name_but_ours_and_all_that_is_ours(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name) for name in archive.namelist()]
    tops = {name.parts[0] for name in names}
    assert tops - {f"rayjobs-{VERSION}.dist-info"} == {"rayjobs", "rayjobs_api", "rayjobs_cli", "rayjobs_k8s"}
    assert {f"{top}/py.typed" for top in tops if "." not in top} <= {name.as_posix() for name in names}
    here = {
        path.relative_to(folder)
        for folder in (ROOT, ROOT / "api", ROOT / "k8s", ROOT / "scripts")
        for path in folder.glob("rayjobs*/**/*")
        if path.is_file() and not {"__pycache__", "development"} & set(path.parts)
    }
    samples = {Path("rayjobs", "samples", path.name) for path in (ROOT / "images" / "samples").iterdir()}
    assert {
        name for name in names if name.parts[0] in {"rayjobs", "rayjobs_api", "rayjobs_cli", "rayjobs_k8s"}
    } == (here | samples)


def test_the_source_distribution_makes_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    [source] = built.glob("*.tar.gz")
    run(sys.executable, "-m", "tarfile", "-e", source, tmp_path, cwd=tmp_path)
    [unpacked] = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "again", cwd=unpacked)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(tmp_path / "again" / wheel.name) as second:
        assert {each.filename: each.CRC for each in first.infolist()} == {
            each.filename: each.CRC for each in second.infolist()
        }


def test_its_version_is_that_of_the_project(installed: Path, wheel: Path, tmp_path: Path) -> None:
    assert run(installed / "rayjobs", "--version", cwd=tmp_path) == f"rayjobs {VERSION}\n"
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"rayjobs-{VERSION}.dist-info/METADATA"))
    assert metadata["Version"] == VERSION
    assert {*EXTRAS.split(","), "k8s", "scaler"} <= set(metadata.get_all("Provides-Extra", []))


def test_the_installed_command_runs_batches(installed: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    demo = (installed / "rayjobs", "demo", "--state", state, "--tasks", "1", "--count", "2", "--json")
    verdict = json.loads(run(*demo, cwd=tmp_path))
    assert (verdict["ok"], verdict["images"]) == (True, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"state"}


def test_up_and_down_find_each_other(installed: Path, tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "state"), "--json")
    up = json.loads(
        run(installed / "rayjobs", "up", "--port", "0", "--dashboard-port", "0", *options, cwd=tmp_path)
    )
    assert up["target"] == "local"
    down = json.loads(run(installed / "rayjobs", "down", *options, cwd=tmp_path))
    assert "api" in down["ended"]
