"""An estimate is true: what it says of a mixed set is held against the real run of all of it."""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from rayjobs.model.worker import Worker
from rayjobs.service.estimates import sampled, summed
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from rayjobs_api.responses import PlanAnswer
from tests.support.pictures import file_of, picture
from tests.support.system import System
from tests.unit.api.asking import problem_of

PIPELINE = [{"name": "thumbnail", "size": 120}]
COUNT = 60


@pytest.fixture
def farm_settings(farm_settings: Settings) -> Settings:
    return farm_settings.model_copy(update={"preview_max_pixels": 40_000, "preview_deadline_s": 60})


@pytest.fixture
def client(whole_farm: System) -> Iterator[TestClient]:
    with TestClient(create_app(whole_farm.settings, whole_farm.registry)) as client:
        yield client


def mixed(folder: Path) -> dict[str, Any]:
    """Write pictures of all sizes and contents, and some that are none; return the body of their batch."""
    chance = np.random.default_rng(7)
    for path in folder.iterdir():
        path.unlink()
    for number in range(COUNT):
        width, height = int(chance.integers(20, 260)), int(chance.integers(20, 150))
        kind = chance.choice(["noise", "flat", "broken", "photograph"], p=[0.15, 0.15, 0.1, 0.6])
        if kind == "noise":
            image = Image.fromarray(chance.integers(0, 255, (height, width, 3), dtype=np.uint8))
        elif kind == "flat":
            image = Image.new("RGB", (width, height), (90, 120, 10))
        else:
            image = picture(width, height, seed=number)
        name, form = (f"{number:03d}.png", "PNG") if number % 3 else (f"{number:03d}.jpg", "JPEG")
        (folder / name).write_bytes(b"no picture" if kind == "broken" else file_of(image, form))
    return {"source": {"type": "folder", "path": str(folder)}, "pipeline": PIPELINE}


def test_its_interval_holds_what_a_real_run_gives(
    client: TestClient, whole_farm: System, pictures: Path
) -> None:
    body = mixed(pictures)
    plan = client.post("/batches?dry_run=true&sample=20", json=body).json()
    told = plan["estimate"]
    whole_farm.dispatch()
    batch = whole_farm.finished(client.post("/batches", json=body).json()["id"])
    files = whole_farm.outputs(batch.id)
    true_bytes = sum(map(len, files.values()))
    assert (told["items"], told["exact"], told["measured"]) == (COUNT, True, 20)
    assert told["bytes"]["low"] <= true_bytes <= told["bytes"]["high"]
    assert abs(told["bytes"]["value"] - true_bytes) / true_bytes < 0.35
    assert told["bytes"]["high"] - told["bytes"]["low"] < 1.5 * true_bytes
    assert told["failed"]["low"] <= batch.counts.failed <= told["failed"]["high"]
    assert told["bytes_of_one"]["value"] == pytest.approx(told["bytes"]["value"] / COUNT, rel=1e-4)
    failed = {item["index"]: item["error"]["code"] for item in whole_farm.items(batch.id, state="failed")}
    assert told["failures"]
    assert all(failed[each["index"]] == each["code"] for each in told["failures"])
    assert told["cpu_s"]["value"] > 0
    assert (told["slots"], "wall_s" in told) == (0, False)
    assert {path.parts[-2] for path in Path(whole_farm.settings.store).rglob("*.jpg")} == {batch.id}


def test_a_sample_of_everything_is_exact(client: TestClient, whole_farm: System, pictures: Path) -> None:
    body = {"source": {"type": "folder", "path": str(pictures)}, "pipeline": PIPELINE}
    whole_farm.registry.beat(Worker("w", "node", None, 4, 0, 0.0, 0, 0.0), 60)
    plan = client.post("/batches?dry_run=true&sample=32", json=body).json()
    told = PlanAnswer.model_validate(plan).model_dump()["estimate"]
    whole_farm.dispatch()
    batch = whole_farm.finished(client.post("/batches", json=body).json()["id"])
    true_bytes = sum(map(len, whole_farm.outputs(batch.id).values()))
    assert told["bytes"] == {"value": true_bytes, "low": true_bytes, "high": true_bytes}
    assert (told["measured"], told["slots"]) == (12, 4)
    assert told["wall_s"]["value"] == pytest.approx(told["slot_s"]["value"] / 4, rel=1e-4)
    assert told["slot_s"]["low"] < told["slot_s"]["value"] < told["slot_s"]["high"]


def test_what_a_preview_may_not_do_is_not_taken_for_a_failure_of_the_batch(
    client: TestClient, pictures: Path
) -> None:
    (pictures / "large.jpg").write_bytes(file_of(picture(300, 200), "JPEG"))
    body = {"source": {"type": "folder", "path": str(pictures)}, "pipeline": PIPELINE}
    told = client.post("/batches?dry_run=true&sample=32", json=body).json()["estimate"]
    assert (told["measured"], told["unmeasured"], told["failed"]["value"]) == (12, 1, 0)
    assert "RAYJOBS_PREVIEW_MAX_PIXELS" in told["failures"][0]["detail"]


def test_a_sample_is_asked_for_of_a_dry_run_alone(client: TestClient) -> None:
    body = {"source": {"type": "samples", "count": 5}, "pipeline": PIPELINE}
    problem_of(client.post("/batches?sample=3", json=body), 422, "invalid_request")
    for number in (0, 33):
        problem_of(client.post(f"/batches?dry_run=true&sample={number}", json=body), 422, "invalid_request")


def test_a_sample_is_spread_over_all_parts_and_out_of_step_with_a_cycle() -> None:
    found = sorted(sampled(8000, 32))
    assert [index // 250 for index in found] == list(range(32))
    assert len({index % 8 for index in found}) > 5
    assert sorted(sampled(5, 32)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("k", [8, 16, 32])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(k: int) -> None:
    chance = np.random.default_rng(k)
    held = []
    for _ in range(400):
        sizes = chance.lognormal(10, 0.7, 500).tolist()
        interval = summed([sizes[index] for index in sampled(500, k)], 500, certain=True)
        assert interval.low is not None
        assert interval.high is not None
        held.append(interval.low <= sum(sizes) <= interval.high)
    assert statistics.fmean(held) > 0.87
