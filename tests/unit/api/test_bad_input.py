import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rayjobs.ports import Registry
from tests.unit.api.asking import BODY, problem_of, refused

SHORT: dict[str, Any] = {
    "filters": ["resize", "blur"],
    "filter_params": {"resize": {"width": 20, "height": 20}, "blur": {"radius": 5.0}},
    "count": 2,
}


def with_blur(**parameters: object) -> dict[str, Any]:
    return BODY | {"pipeline": [{"name": "thumbnail", "size": 32}, {"name": "blur", **parameters}]}


def test_an_unknown_filter_is_named_together_with_its_near_match(client: TestClient) -> None:
    problem = refused(client, BODY | {"pipeline": [{"name": "blurr", "radius": 1}]}, "unknown_filter")
    [error] = problem.errors
    assert (error.pointer, error.actual) == ("/pipeline/0/name", "blurr")
    assert "Did you mean 'blur'?" in error.detail


def test_a_value_of_the_wrong_type_is_pointed_at(client: TestClient) -> None:
    [error] = refused(client, with_blur(radius="5"), "invalid_pipeline").errors
    assert (error.pointer, error.code, error.actual) == ("/pipeline/1/radius", "wrong_type", "5")


def test_a_value_out_of_bounds_is_answered_with_the_bound_and_the_value(client: TestClient) -> None:
    [error] = refused(client, with_blur(radius=-1.5), "invalid_pipeline").errors
    assert (error.code, error.limit, error.actual) == ("out_of_bounds", 0, -1.5)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (BODY | {"prioritty": 1}, "/prioritty"),
        (BODY | {"output": {"qualty": 3}}, "/output/qualty"),
        (BODY | {"variants": [{"name": "a", "output": {"qualty": 3}}]}, "/variants/0/output/qualty"),
        (with_blur(radius=1, sigma=2), "/pipeline/1/sigma"),
    ],
)
def test_an_unknown_field_is_refused_wherever_it_stands(
    client: TestClient, body: dict[str, Any], pointer: str
) -> None:
    code = "invalid_pipeline" if pointer.startswith("/pipeline") else "invalid_request"
    [error] = refused(client, body, code).errors
    assert (error.pointer, error.code) == (pointer, "unknown_field")


def test_every_fault_is_told_at_once(client: TestClient) -> None:
    body = BODY | {"priority": 11, "max_attempts": 0}
    assert {error.pointer for error in refused(client, body, "invalid_request").errors} == {
        "/priority",
        "/max_attempts",
    }


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(client: TestClient, number: str) -> None:
    text = json.dumps(with_blur(radius="here")).replace('"here"', number)
    problem = problem_of(client.post("/batches", content=text), 422, "invalid_request")
    assert "not JSON" in problem.detail
    assert "line 1 column" in problem.detail


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "\xff", '{"source": 1'])
def test_a_body_that_is_not_a_json_object_is_refused(client: TestClient, text: str) -> None:
    response = client.post("/batches", content=text.encode("latin-1"))
    problem_of(response, 422, "invalid_pipeline" if not text else "invalid_request")


def test_a_body_of_10_mb_over_the_limit_is_refused_by_its_declared_length(
    client_with: Callable[..., TestClient],
) -> None:
    client = client_with(max_body_bytes=1_000_000)
    [error] = problem_of(client.post("/batches", content=b" " * 10_000_000), 413, "batch_too_large").errors
    assert (error.limit, error.actual) == (1_000_000, 10_000_000)
    assert "RAYJOBS_MAX_BODY_BYTES" in error.detail


def test_a_body_that_declares_no_length_is_refused_at_the_chunk_that_is_over_the_limit(
    client_with: Callable[..., TestClient],
) -> None:
    client = client_with(max_body_bytes=1_000_000)
    response = client.post("/batches", content=iter([b" " * 100_000] * 100))
    [error] = problem_of(response, 413, "batch_too_large").errors
    assert error.limit == 1_000_000


def test_a_body_of_10_mb_of_noise_within_the_limit_is_read_and_refused_for_what_it_is(
    client: TestClient,
) -> None:
    refused(client, BODY | {"labels": {"noise": "x" * 10_000_000}}, "invalid_request")


def test_more_paths_than_one_request_may_name_are_refused_with_another_way(
    client: TestClient, pictures: Path
) -> None:
    paths = [f"{pictures}/p{i}.jpg" for i in range(100_001)]
    problem = refused(client, BODY | {"source": {"type": "paths", "paths": paths}}, "batch_too_large", 413)
    [error] = problem.errors
    assert (error.limit, error.actual) == (100_000, 100_001)
    assert "folder" in problem.detail


def test_a_path_outside_of_the_roots_is_pointed_at(client: TestClient, pictures: Path) -> None:
    paths = [f"{pictures}/p00.jpg", "/etc/passwd", f"{pictures}/../../secret"]
    problem = refused(client, BODY | {"source": {"type": "paths", "paths": paths}}, "invalid_request")
    assert [(e.pointer, e.code) for e in problem.errors] == [
        ("/source/paths/1", "source_forbidden"),
        ("/source/paths/2", "source_forbidden"),
    ]


@pytest.mark.parametrize(
    "name", ["../{index}.{ext}", "/etc/{index}", "a/../../{index}", "{index}\\..", "{who}"]
)
def test_a_naming_template_that_would_leave_its_folder_is_refused(client: TestClient, name: str) -> None:
    [error] = refused(client, BODY | {"output": {"name": name}}, "output_conflict").errors
    assert error.pointer == "/output/name"


def test_a_naming_template_that_would_collide_is_refused_with_both_items(
    client: TestClient, pictures: Path
) -> None:
    body = BODY | {
        "source": {"type": "paths", "paths": [f"{pictures}/p00.jpg", f"{pictures}/sub/p00.jpg"]},
        "output": {"name": "{stem}.{ext}"},
    }
    [error] = refused(client, body, "output_conflict").errors
    assert "items 0 and 1" in error.detail


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (
            {"filter_params": {"resize": {"width": 0, "height": 20}, "blur": {"radius": 1}}},
            "/filter_params/resize/width",
        ),
        (
            {"filter_params": {"resize": {"width": 20, "height": 20}, "blur": {}}},
            "/filter_params/blur/radius",
        ),
        ({"filters": ["resize", "bluur"]}, "/filter_params/blur"),
        ({"filters": ["edges", "tilt"], "filter_params": {}}, "/filters/1"),
        ({"filters": ["edges", 5], "filter_params": {}}, "/filters/1"),
        ({"filters": "edges"}, "/filters"),
        ({"count": 0}, "/count"),
        ({"count": "2"}, "/count"),
        ({"count": 10**9}, ""),
        ({"prio": 0}, "/prio"),
    ],
)
def test_faults_of_the_short_form_point_into_the_short_form(
    client: TestClient, change: dict[str, Any], pointer: str
) -> None:
    response = client.post("/batches", json=SHORT | change)
    body = response.json()
    assert [error["pointer"] for error in body["errors"]] == [pointer]
    assert pointer in body["detail"]
    assert "/pipeline" not in response.text
    assert "/source" not in response.text


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=0", "/limit", "out_of_bounds"),
        ("limit=1001", "/limit", "out_of_bounds"),
        ("limit=many", "/limit", "wrong_type"),
        ("state=walking", "/state", "not_allowed"),
        ("cursor=5", "/cursor", "not_allowed"),
        ("label=plain", "/label", "not_allowed"),
        ("stat=failed", "/stat", "unknown_field"),
    ],
)
def test_a_query_that_cannot_be_read_is_pointed_at(
    client: TestClient, query: str, pointer: str, code: str
) -> None:
    [error] = problem_of(client.get(f"/batches?{query}"), 422, "invalid_request").errors
    assert (error.pointer, error.code) == (pointer, code)


def test_a_route_that_does_not_exist_is_a_problem_too(client: TestClient) -> None:
    assert "/nowhere" in problem_of(client.get("/nowhere"), 404, "not_found").detail


@pytest.mark.parametrize(
    "path", ["/batches/b_none", "/batches/b_none/items", "/batches/b_none/items/0", "/batches/b_none/results",
             "/batches/b_none/events", "/batches/b_none/items/0/output", "/v1/batches/b_none"]
)  # fmt: skip
def test_a_batch_that_does_not_exist_is_not_found(client: TestClient, path: str) -> None:
    assert "b_none" in problem_of(client.get(path), 404, "not_found").detail


def test_an_unexpected_error_says_nothing_but_its_request_id(
    client: TestClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(registry, "queue", fail)
    response = client.get("/queue")
    assert "a secret" not in response.text
    assert problem_of(response, 500, "internal").request_id in problem_of(response, 500, "internal").detail
