"""Presets over HTTP: listed, put with the checks of a batch, and a batch that never changes by them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rayjobs.settings import Settings
from rayjobs_api.responses import BatchAnswer, PresetAnswer, PresetsAnswer
from tests.unit.api.asking import problem_of

SAMPLES = {"type": "samples", "count": 3}


def body(size: int) -> dict[str, Any]:
    return {"pipeline": [{"name": "thumbnail", "size": size}], "output": {"format": "webp"}}


def test_presets_are_listed_and_looked_at(client: TestClient) -> None:
    listed = PresetsAnswer.model_validate(client.get("/presets").json()).presets
    assert [each.name for each in listed if each.shipped] == ["print", "privacy", "thumb", "web"]
    web = PresetAnswer.model_validate(client.get("/presets/web?version=1").json())
    assert [each["name"] for each in web.variants or ()] == ["large", "large-jpeg", "small", "small-jpeg"]
    problem_of(client.get("/presets/web?version=2"), 404, "not_found")
    problem_of(client.get("/presets/none"), 404, "not_found")
    problem_of(client.get("/presets/NONE"), 404, "not_found")


def test_a_preset_is_put_once_for_each_change(client: TestClient) -> None:
    for size, status, version in ((10, 201, 1), (10, 200, 1), (20, 201, 2)):
        response = client.put("/presets/mine", json=body(size) | {"description": "ours"})
        found = PresetAnswer.model_validate(response.json())
        assert (response.status_code, found.version, found.shipped) == (status, version, False)
        assert client.get(response.headers["location"]).json() == response.json()
    assert client.get("/presets/mine").json()["pipeline"][0]["size"] == 20


def test_a_shipped_preset_stays_as_it_is(client: TestClient) -> None:
    assert "my-web" in problem_of(client.put("/presets/web", json=body(10)), 409, "conflict").detail


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"pipeline": [{"name": "thumbnail", "size": 0}]}, "/pipeline/0/size"),
        ({"output": {"format": "jpg"}}, "/output/format"),
        ({"variants": [{"name": "X"}]}, "/variants/0/name"),
        (
            {"variants": [{"name": "a"}, {"name": "b"}], "output": {"name": "{index}.{ext}"}},
            "/variants/1/output/name",
        ),
        ({"source": SAMPLES}, "/source"),
        ({"preset": "web"}, "/preset"),
        ({"pipeline": [{"name": "watermark", "picture": "sample:none.png"}]}, "/pipeline/0/picture"),
    ],
)
def test_what_no_batch_can_be_made_of_is_refused(
    client: TestClient, changes: dict[str, Any], pointer: str
) -> None:
    response = client.put("/presets/mine", json=body(10) | changes)
    [error] = problem_of(response, 422, response.json()["code"]).errors
    assert error.pointer == pointer
    problem_of(client.get("/presets/mine"), 404, "not_found")


def test_a_batch_is_what_its_preset_was_when_it_was_sent(client: TestClient) -> None:
    client.put("/presets/mine", json=body(10))
    sent = client.post("/batches", json={"source": SAMPLES, "preset": "mine", "output": {"quality": 50}})
    batch = BatchAnswer.model_validate(sent.json())
    client.put("/presets/mine", json=body(20))
    again = BatchAnswer.model_validate(client.get(f"/batches/{batch.id}").json())
    assert (again.preset, again.pipeline[0]["size"]) == ("mine@1", 10)
    assert (again.output["format"], again.output["quality"]) == ("webp", 50)
    old, new = (
        client.post("/batches?dry_run=true", json={"source": SAMPLES, "preset": name}).json()
        for name in ("mine@1", "mine")
    )
    assert [each["pipeline"][0]["size"] for each in (old, new)] == [10, 20]
    problem = problem_of(
        client.post("/batches", json={"source": SAMPLES, "preset": "min"}), 422, "invalid_request"
    )
    assert (problem.errors[0].pointer, problem.errors[0].code) == ("/preset", "unknown_preset")
    assert "'mine'?" in problem.errors[0].detail


def test_the_same_key_is_the_same_batch_whatever_was_put_in_between(client: TestClient) -> None:
    client.put("/presets/mine", json=body(10))
    ask, key = {"source": SAMPLES, "preset": "mine"}, {"Idempotency-Key": "k"}
    first = client.post("/batches", json=ask, headers=key).json()["id"]
    client.put("/presets/mine", json=body(20))
    assert client.post("/batches", json=ask, headers=key).json()["id"] == first


DAMAGES = {
    "empty": b"",
    "cut off": b'{"created_ms": 1, "bo',
    "no object": b"[1]",
    "no body": b"{}",
    "no date": b'{"body": {}}',
    "a body of another type": b'{"created_ms": 1, "body": []}',
    "a pipeline of another type": b'{"created_ms": 1, "body": {"pipeline": "blur"}}',
    "of a newer form": b'{"schema_version": 99, "created_ms": 1, "body": {}}',
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_preset_is_named_and_hides_no_other(
    client: TestClient, farm_settings: Settings, damage: bytes
) -> None:
    for name in ("mine", "other"):
        client.put(f"/presets/{name}", json=body(10))
        client.put(f"/presets/{name}", json=body(20))
    (Path(farm_settings.store) / "presets/mine/2.json").write_bytes(damage)
    listed = PresetsAnswer.model_validate(client.get("/presets").json())
    assert [each.name for each in listed.presets] == ["other", "print", "privacy", "thumb", "web"]
    [unreadable] = listed.unreadable
    assert unreadable.name == "mine"
    assert re.match(r"presets/mine/2\.json: .+; (put the preset once more|run the newer)", unreadable.detail)
    refusals = [
        client.get("/presets/mine"),
        client.get("/presets/mine?version=2"),
        client.post("/batches", json={"source": SAMPLES, "preset": "mine"}),
    ]
    for refusal in refusals:
        assert problem_of(refusal, 500, "record_unreadable").detail == unreadable.detail
    assert client.post("/batches", json={"source": SAMPLES, "preset": "mine@1"}).status_code == 202
    assert client.put("/presets/mine", json=body(20)).json()["version"] == 3
    assert PresetsAnswer.model_validate(client.get("/presets").json()).unreadable == []


def test_one_preset_or_version_too_many_is_refused_with_what_to_do(
    client_with: Callable[..., TestClient],
) -> None:
    client = client_with(max_presets=1, max_preset_versions=2)
    for size in (10, 20):
        assert client.put("/presets/mine", json=body(size)).status_code == 201
    for name, setting, limit in (("mine", "MAX_PRESET_VERSIONS", 2), ("other", "MAX_PRESETS", 1)):
        problem = problem_of(client.put(f"/presets/{name}", json=body(30)), 409, "conflict")
        assert f"(RAYJOBS_{setting}); put" in problem.detail
        assert [(each.limit, each.actual) for each in problem.errors] == [(limit, limit)]
    assert client.put("/presets/mine", json=body(20)).status_code == 200
