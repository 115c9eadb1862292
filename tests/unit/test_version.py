import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rayjobs_api.app import create_app

from rayjobs import version
from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.settings import Settings
from tests.architecture.tree import ROOT


@pytest.fixture(autouse=True)
def afresh() -> None:
    version.current.cache_clear()


def test_a_clone_has_the_version_of_its_pyproject(farm_settings: Settings) -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert version.current() == stated
    client = TestClient(create_app(farm_settings, MemoryRegistry(farm_settings)))
    assert client.get("/openapi.json").json()["info"]["version"] == stated


def test_what_is_installed_has_the_version_that_its_metadata_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "_PROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(version, "version", lambda name: f"1.2 of {name}")
    assert version.current() == "1.2 of rayjobs"


def test_a_copy_that_says_nothing_of_itself_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "_PROJECT", tmp_path / "pyproject.toml")

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(version, "version", nothing)
    assert version.current() == "unknown"
