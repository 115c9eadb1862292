"""The bootstrap at work in a small project of its own, without a network."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from rayjobs_cli import exit_status
from rayjobs_cli.setup import bootstrap

DOOR = """
import sys

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.command", tools="--tools" in sys.argv)
"""
COMMAND = """
import json
import sys
from importlib.metadata import version

import tiny


def main():
    told = {"tiny": tiny.VERSION, "project": version("project"), "prefix": sys.prefix}
    print(json.dumps({**told, "arguments": sys.argv[1:]}))
    return 7 if "--fail" in sys.argv else 0
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "project"
version = "{}"
"""
BACKEND = """
import re
import zipfile
from pathlib import Path


def build_editable(folder, config_settings=None, metadata_directory=None):
    version = re.search('version = "(.*)"', Path("pyproject.toml").read_text(encoding="utf-8"))[1]
    about = f"project-{version}.dist-info"
    name = f"project-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as archive:
        archive.writestr("project.pth", str(Path("scripts").resolve()))
        for file, lines in {
            "METADATA": ("Metadata-Version: 2.1", "Name: project", f"Version: {version}"),
            "WHEEL": ("Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"),
            "RECORD": (),
        }.items():
            archive.writestr(f"{about}/{file}", "\\n".join((*lines, "")))
    return name
"""


def wheel(folder: Path, version: str) -> str:
    """Make a wheel of one module; return the line of a lock that names it."""
    name = f"tiny-{version}"
    files = {
        "tiny.py": f'VERSION = "{version}"\n',
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        for path, text in files.items()
    ]
    files[f"{name}.dist-info/RECORD"] = "\n".join([*records, f"{name}.dist-info/RECORD,,", ""])
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return f"tiny=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Project:
    """A project with one command, one dependency, a build of its own, and an index that is a folder."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.venv = root / ".venv"
        self.stamp = self.venv / "rayjobs-stamp"
        self.command = root / "scripts" / "command.py"
        self._locks = (root / "scripts" / "requirements.lock", root / "scripts" / "requirements-dev.lock")
        self._wheels = wheels
        self._wheels.mkdir()
        package = self.command.parent / "rayjobs_cli"
        for folder in (package, package / "commands"):
            folder.mkdir(parents=True)
            (folder / "__init__.py").touch()
        self.command.write_text(DOOR, encoding="utf-8")
        (package / "commands" / "command.py").write_text(COMMAND, encoding="utf-8")
        shutil.copytree(Path(bootstrap.__file__).parent, package / "setup")
        shutil.copy(exit_status.__file__, package)
        (root / "backend.py").write_text(BACKEND, encoding="utf-8")
        self._settings = root / "pyproject.toml"
        self.call("1.0")
        self.lock("1.0", tools="1.0")

    def call(self, version: str) -> None:
        """Give the project itself another version."""
        self._settings.write_text(PROJECT.format(version), encoding="utf-8")

    def lock(self, version: str, *, tools: str) -> None:
        """Pin the dependency; other versions for the two locks tell which of them was installed."""
        for lock, chosen in zip(self._locks, (version, tools), strict=True):
            lock.write_text(wheel(self._wheels, chosen), encoding="utf-8")

    def spoil_the_hashes(self) -> None:
        for lock in self._locks:
            lock.write_text(f"tiny==1.0 \\\n    --hash=sha256:{'0' * 64}\n", encoding="utf-8")

    def start(self, *arguments: str, path: str | None = None) -> "subprocess.Popen[str]":
        """Start the command with no input, where only the folder of wheels can be installed from."""
        # uv takes a tenth of pip's time, so the tests find it where the tools are; one test is pip's.
        path = sysconfig.get_path("scripts") if path is None else path
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        offline = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_NO_CACHE": "1"}
        links = dict.fromkeys(("PIP_FIND_LINKS", "UV_FIND_LINKS"), str(self._wheels))
        return subprocess.Popen(
            [sys.executable, str(self.command), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**kept, **offline, **links, "PATH": path},
        )

    def run(self, *arguments: str, path: str | None = None) -> tuple[int, str, str]:
        """Return the command's exit status, and what it printed."""
        process = self.start(*arguments, path=path)
        out, err = process.communicate()
        return process.returncode, out, err

    def version(self, *arguments: str) -> str:
        """Return the version that a run of the command finds."""
        status, out, err = self.run(*arguments)
        assert status == 0, err
        found: str = json.loads(out)["tiny"]
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "a project", tmp_path / "wheels")


def test_the_first_run_makes_the_environment_and_goes_on_inside_it(project: Project) -> None:
    status, out, err = project.run("one", "two words", "--fail")
    assert status == 7
    assert json.loads(out) == {
        "tiny": "1.0",
        "project": "1.0",
        "prefix": str(project.venv),
        "arguments": ["one", "two words", "--fail"],
    }
    assert err.startswith("Making .venv")


def test_without_uv_the_environment_is_made_by_pip(project: Project) -> None:
    status, out, err = project.run(path="")
    assert status == 0, err
    assert json.loads(out)["tiny"] == "1.0"


def test_a_later_run_tells_nothing_and_changes_nothing(project: Project) -> None:
    project.version()
    made = project.stamp.stat().st_mtime_ns
    status, _, err = project.run()
    assert (status, err) == (0, "")
    assert project.stamp.stat().st_mtime_ns == made


def test_a_changed_lock_brings_the_environment_up_to_date(project: Project) -> None:
    assert project.version() == "1.0"
    project.lock("2.0", tools="2.0")
    status, out, err = project.run()
    assert (status, json.loads(out)["tiny"]) == (0, "2.0")
    assert err.startswith("Bringing .venv up to date")


def test_another_version_of_the_project_is_installed_anew(project: Project) -> None:
    project.version()
    project.call("2.0")
    status, out, err = project.run()
    assert (status, json.loads(out)["project"]) == (0, "2.0"), err


def test_tools_are_added_when_a_command_needs_them_and_satisfy_the_others_too(project: Project) -> None:
    project.lock("1.0", tools="1.1")
    assert project.version() == "1.0"
    assert project.version("--tools") == "1.1"
    assert project.version() == "1.1"


def test_an_environment_whose_making_was_interrupted_is_made_from_nothing(project: Project) -> None:
    project.version()
    project.stamp.write_text("unfinished", encoding="utf-8")
    half_made = project.venv / "half-made"
    half_made.mkdir()
    assert project.version() == "1.0"
    assert not half_made.exists()


@pytest.mark.parametrize("broken", ["pyvenv.cfg", "python"])
def test_a_broken_environment_is_made_from_nothing(project: Project, broken: str) -> None:
    project.version()
    scripts = "Scripts" if os.name == "nt" else "bin"
    names = [".venv/pyvenv.cfg"] if broken == "pyvenv.cfg" else [f".venv/{scripts}/python*"]
    for name in names:
        for path in project.venv.parent.glob(name):
            path.unlink()
    status, out, err = project.run()
    assert (status, json.loads(out)["tiny"]) == (0, "1.0")
    assert err.startswith("Making .venv")


def test_an_environment_that_somebody_else_made_is_filled(project: Project) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project.venv)], check=True)
    own = project.venv / "own"
    own.touch()
    assert project.version() == "1.0"
    assert own.exists()


def test_of_commands_started_at_once_one_makes_the_environment(project: Project) -> None:
    processes = [project.start() for _ in range(3)]
    told = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert [json.loads(out)["tiny"] for out, _ in told] == ["1.0"] * 3
    assert sum(err.count("Making .venv") for _, err in told) == 1


def test_a_package_with_another_hash_is_refused_and_never_taken_as_installed(project: Project) -> None:
    project.spoil_the_hashes()
    status, out, err = project.run("--json")
    assert status == 3
    answer = json.loads(out)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "hash_mismatch"
    assert answer["error"]["remedy"] in err
    project.lock("1.0", tools="1.0")
    assert project.version() == "1.0"


def test_without_json_an_error_leaves_stdout_alone(project: Project) -> None:
    project.spoil_the_hashes()
    status, out, _ = project.run()
    assert (status, out) == (3, "")


def test_a_python_that_is_too_old_is_told_so_in_one_line(project: Project) -> None:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 8, 18); "
        f"sys.argv[:] = [{str(project.command)!r}, '--json']; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", pretend],
        cwd=project.command.parent,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "python_too_old"
    assert done.stderr.startswith("error: Python 3.11 or newer is needed; this is 3.8.18.")
    assert not project.venv.exists()


def test_a_lock_with_the_line_ends_of_windows_is_the_same_lock(tmp_path: Path) -> None:
    unix, windows = tmp_path / "unix", tmp_path / "windows"
    unix.write_bytes(b"a==1\nb==2\n")
    windows.write_bytes(b"a==1\r\nb==2\r\n")
    assert bootstrap.digest(unix) == bootstrap.digest(windows)
