"""The example of a user's own filter: installed as people install it, run in a real engine process."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from rayjobs_api.app import create_app
from tests.support.engines import engines
from tests.support.pictures import array, opened
from tests.support.plugged import lay, on_path
from tests.support.system import System

EXAMPLE = Path(__file__).parents[1] / "example_plugin"
CRASHES = '''
import ctypes
from typing import Literal
from rayjobs.filters.array import ArrayFilter

class Crash(ArrayFilter):
    """End the process.

    Example:
        {"name": "crash"}
    """
    name: Literal["crash"] = "crash"
    def apply(self, pixels):
        ctypes.string_at(0)
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    source = shutil.copytree(EXAMPLE, folder / "source")  # the builder leaves things in it
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    target = folder / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return lay(target, "crasher", source=CRASHES, crash="crasher:Crash")


@pytest.fixture(autouse=True)
def plugged(installed: Path) -> Iterator[None]:
    with on_path(installed):
        yield


def test_a_batch_runs_it_in_an_engine_process(whole_farm: System) -> None:
    pipeline: list[dict[str, Any]] = [{"name": "thumbnail", "size": 90}, {"name": "halftone", "cell": 6}]
    with engines(whole_farm) as own:
        whole_farm.dispatch(own.run_chunk)
        samples = {"type": "samples", "count": 8}
        terms: dict[str, Any] = {"output": {"format": "png"}, "cache": True}
        batch = whole_farm.finished(whole_farm.submit(samples, pipeline, **terms), 90)
        again = whole_farm.finished(whole_farm.submit(samples, pipeline, **terms), 90)
        crashed = whole_farm.submit({"type": "samples", "count": 1}, [{"name": "crash"}], max_attempts=1)
        assert whole_farm.finished(crashed, 90).errors_by_code == {"worker_crashed": 1}
    assert (batch.counts.succeeded + batch.counts.cached, again.counts.cached) == (8, 8)
    assert whole_farm.outputs(again.id) == whole_farm.outputs(batch.id)
    for data in whole_farm.outputs(batch.id).values():
        pixels = array(opened(data))
        colours = pixels[..., :3] if pixels.ndim == 3 else pixels
        assert set(np.unique(colours)) == {0, 255}


def test_the_api_shows_it_and_refuses_what_it_does_not_take(whole_farm: System) -> None:
    with TestClient(create_app(whole_farm.settings, whole_farm.registry)) as client:
        told = client.get("/filters").json()
        assert [each["name"] for each in told["plugins"]] == ["crash", "halftone"]
        assert {"name": "halftone", "package": "rayjobs-halftone", "version": "1.0", "state": "ok"} in told[
            "plugins"
        ]
        assert [each["example"] for each in told["filters"] if each["name"] == "halftone"]
        body = {"source": {"type": "samples", "count": 1}, "pipeline": [{"name": "halftone", "cell": 1}]}
        refused = client.post("/batches", json=body).json()
    assert refused["errors"][0] | {"detail": ""} == {
        "pointer": "/pipeline/0/cell", "code": "out_of_bounds", "limit": 2, "actual": 1, "detail": "",
    }  # fmt: skip
    assert refused["errors"][0]["detail"] == "must be at least 2 px"
