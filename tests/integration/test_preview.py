"""A preview: real engine processes behind the API, which outlives whatever becomes of them."""

import io
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.codec import Limits
from rayjobs.engine.rendering import render
from rayjobs.request.pipeline import parse_pipeline
from rayjobs.request.variants import Output
from rayjobs.service import render_pool
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.broken_decoder import HOOK, broken
from tests.support.pictures import file_of, picture
from tests.unit.api.asking import problem_of

THUMB = {"name": "thumbnail", "size": 40}
PLAIN = file_of(picture(120, 90), "JPEG")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("preview")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Return an API with one place for previews, behind which a decoder breaks when a picture asks for it."""
    settings = Settings(
        store=str(folder / "store"),
        roots=(folder,),
        preview_at_once=1,
        preview_deadline_s=3,
        preview_max_pixels=20_000,
        engine_memory_bytes=1000 * 2**20,
    )
    before = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HOOK.items():
            patch.setenv(name, value)
        app = create_app(settings, MemoryRegistry(settings))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client
    started = set(psutil.Process().children(recursive=True)) - before
    assert [each for each in started if each.status() != psutil.STATUS_ZOMBIE] == []
    left = [path for path in (folder / "store").rglob("*") if path.is_file() and "health" not in path.parts]
    assert left == []


def body_of(folder: Path, data: bytes, *pipeline: dict[str, Any], **more: object) -> dict[str, Any]:
    path = folder / f"{len(list(folder.glob('*.jpg')))}.jpg"
    path.write_bytes(data)
    return {"source": {"type": "paths", "paths": [str(path)]}, "pipeline": list(pipeline), **more}


def engines() -> list[psutil.Process]:
    """Return the processes behind the API, the one first of which the others are forked."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one of an earlier test that has just ended
            if "rayjobs.entrypoints.engine" in each.cmdline():
                found.append(each)
    return found


def test_it_is_the_picture_that_the_batch_would_make(client: TestClient, folder: Path) -> None:
    output = {"format": "webp", "folder": "shared", "on_exists": "skip"}
    body = body_of(folder, PLAIN, {"name": "blur", "radius": 2}, THUMB, output=output, cache=True)
    response = client.post("/preview", json=body)
    assert response.status_code == 200, response.text
    expected = render(PLAIN, parse_pipeline(body["pipeline"]), Output(format="webp"), Limits.of(Settings()))
    assert response.content == expected.data
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["etag"] == f'"{expected.output.sha256}"'
    said = json.loads(response.headers["x-preview"])
    assert (said["width"], said["height"]) == (40, 30)
    assert said["duration_ms"] > 0
    assert [each["code"] for each in said["warnings"]] == ["resize_late"]


def test_what_is_known_of_it_is_told_as_json(client: TestClient, folder: Path) -> None:
    body = body_of(folder, PLAIN, {"name": "blurhash"})
    told = client.post("/v1/preview", json=body, headers={"accept": "application/json"}).json()
    assert set(told) == {"source", "duration_ms", "input", "output", "analysis", "warnings"}
    assert set(told["analysis"]) == {"blurhash"}
    assert {"uri", "name"} & set(told["output"]) == set()


def test_any_item_and_any_variant_can_be_shown(client: TestClient, folder: Path) -> None:
    body = {
        "source": {"type": "folder", "path": str(folder), "pattern": "items/*.png"},
        "variants": [{"name": n, "pipeline": [{**THUMB, "size": s}]} for n, s in (("a", 10), ("b", 20))],
    }
    (folder / "items").mkdir()
    for number, size in enumerate([(30, 60), (60, 30)]):
        (folder / "items" / f"{number}.png").write_bytes(file_of(picture(*size), "PNG"))
    shown = client.post("/preview?index=1&variant=b", json=body)
    assert Image.open(io.BytesIO(shown.content)).size == (20, 10)
    shown = client.post("/preview", json=body)
    assert Image.open(io.BytesIO(shown.content)).size == (5, 10)
    problem_of(client.post("/preview?index=2", json=body), 404, "not_found")
    problem = problem_of(client.post("/preview?variant=c", json=body), 404, "not_found")
    assert problem.detail == "there is no variant 'c'; there are a, b"


def test_a_picture_is_sent_along_and_not_kept(client: TestClient, folder: Path) -> None:
    response = client.post(
        "/preview",
        files={"request": (None, json.dumps({"pipeline": [THUMB]}).encode()), "file": ("x.jpg", PLAIN)},
    )
    assert Image.open(io.BytesIO(response.content)).size == (40, 30)
    assert list((folder / "store" / "uploads").glob("*")) == []
    problem_of(client.post("/preview", files={"file": ("x.jpg", PLAIN)}), 422, "invalid_request")
    assert list((folder / "store" / "uploads").glob("*")) == []


@pytest.mark.parametrize("more", ["request", "file", "else"])
def test_a_part_too_many_is_refused(client: TestClient, folder: Path, more: str) -> None:
    request = ("request", (None, json.dumps({"pipeline": [THUMB]}).encode()))
    parts: dict[str, Any] = {
        "request": request,
        "file": ("file", ("x.jpg", PLAIN)),
        "else": ("else", (None, b"x")),
    }
    response = client.post("/preview", files=[request, parts["file"], parts[more]])
    assert f"{more!r} is one too many" in problem_of(response, 422, "invalid_request").detail
    assert list((folder / "store" / "uploads").glob("*")) == []


@pytest.mark.parametrize(
    ("how", "code"), [("crash", "worker_crashed"), ("hang", "deadline"), ("eat 1500", "worker_oom")]
)
def test_a_poison_picture_is_a_problem_and_the_next_one_is_shown(
    client: TestClient, folder: Path, how: str, code: str
) -> None:
    problem = problem_of(client.post("/preview", json=body_of(folder, broken(PLAIN, how), THUMB)), 422, code)
    if code == "deadline":
        assert "RAYJOBS_PREVIEW_DEADLINE_S" in problem.detail
    assert client.post("/preview", json=body_of(folder, PLAIN, THUMB)).status_code == 200


def test_a_picture_that_is_too_large_names_the_limit_that_holds(client: TestClient, folder: Path) -> None:
    body = body_of(folder, file_of(picture(200, 200), "JPEG"), THUMB)
    problem = problem_of(client.post("/preview", json=body), 422, "too_many_pixels")
    assert "RAYJOBS_PREVIEW_MAX_PIXELS" in problem.detail
    assert (problem.errors[0].limit, problem.errors[0].actual) == (20_000, 40_000)


def test_one_more_than_may_be_is_told_to_come_back(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_pool, "_WAIT_S", 0.1)
    slow = body_of(folder, broken(PLAIN, "wait 1"), THUMB)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.post("/preview", json=slow), "ab"))
    refused, shown = sorted(answers, key=lambda each: -each.status_code)
    assert shown.status_code == 200
    problem_of(refused, 429, "previews_busy")
    assert refused.headers["retry-after"] == "2"


@pytest.mark.parametrize("which", [0, -1])
def test_a_process_that_was_killed_is_started_anew(client: TestClient, folder: Path, which: int) -> None:
    body = body_of(folder, PLAIN, THUMB)
    assert client.post("/preview", json=body).status_code == 200
    os.kill(engines()[which].pid, signal.SIGKILL)
    assert client.post("/preview", json=body).status_code == 200


def test_what_a_batch_is_refused_for_a_preview_is_too(client: TestClient, folder: Path) -> None:
    problem_of(client.post("/preview", json=body_of(folder, PLAIN, {"name": "blurr"})), 422, "unknown_filter")
    missing = {"source": {"type": "paths", "paths": [str(folder / "none.jpg")]}, "pipeline": []}
    problem_of(client.post("/preview", json=missing), 422, "source_not_found")
    short = {"filters": ["blur"], "filter_params": {"blur": {"radius": -1}}}
    assert problem_of(client.post("/preview", json=short), 422, "invalid_pipeline").errors[0].pointer == (
        "/filter_params/blur/radius"
    )
