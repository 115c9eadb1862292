import tomllib

from fastapi.testclient import TestClient

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.architecture.tree import ROOT


def test_the_api_has_the_version_of_the_project(farm_settings: Settings) -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    client = TestClient(create_app(farm_settings, MemoryRegistry(farm_settings)))
    assert client.get("/openapi.json").json()["info"]["version"] == stated
