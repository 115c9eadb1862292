"""What others wrote is served as they published it, byte for byte."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rayjobs_api.routes.page import STATIC
from rayjobs_cli.development.chromium import in_ci
from tests.architecture.tree import ROOT

VENDORED = STATIC / "vendor" / "swagger-ui"
PACKAGE = "swagger-ui-dist"


def sums() -> dict[str, str]:
    lines = (VENDORED / "SHA256SUMS").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_every_file_has_the_hash_that_was_noted() -> None:
    found = {file.name: digest(file) for file in VENDORED.iterdir() if file.name != "SHA256SUMS"}
    assert found == sums()
    assert {"LICENSE", "NOTICE"} < set(found)


def test_the_version_is_pinned_with_the_hash_of_its_package() -> None:
    wanted = json.loads((ROOT / "api" / "package.json").read_text("utf-8"))["dependencies"]
    lock = json.loads((ROOT / "api" / "package-lock.json").read_text("utf-8"))["packages"]
    assert wanted == {PACKAGE: lock[f"node_modules/{PACKAGE}"]["version"]}
    assert all({"version", "integrity", "license"} <= set(each) for name, each in lock.items() if name)


def test_the_files_are_those_of_the_package(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None and not in_ci():
        pytest.skip("npm is not here; the hashes were compared with the package when they were noted")
    assert npm is not None
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "api" / name, tmp_path)
    # It refuses a package that has not the hash of the lock; scripts of packages do not run.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    if done.returncode and not in_ci():
        pytest.skip(f"npm can't get the package: {done.stderr.decode()[-500:]}")
    assert done.returncode == 0, done.stderr
    package = tmp_path / "node_modules" / PACKAGE
    assert {name: digest(package / name) for name in sums()} == sums()
