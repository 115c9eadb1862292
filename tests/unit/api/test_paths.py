"""Paths: what stands in them, and which methods they take."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from rayjobs_api.openapi import document
from tests.unit.api.asking import problem_of, submitted

ODD = {
    "NUL": "%00",
    "a NUL within": "b_1%00",
    "a line": "%0A",
    "a line behind": "b_1%0A",
    "a control": "b_%07",
    "a backslash": "..%5Cx",
    "a space": "b_1%20",
    "dots": "%2e%2e.",
    "no UTF-8": "b_%ff%fe",
    "half a pair": "%ed%a0%80",
    "other letters": quote("b_é"),
    "other digits": quote("b_٣"),
    "a picture": quote("🦆"),
    "a slash": "b_1%2Fx",
    "hundreds of letters": "b_" + "a" * 400,
    "a URL full of letters": "b_" + "a" * 60_000,
    "a template": "%7Bid%7D",
    "a wildcard": "*",
}


def operations(client: TestClient) -> Iterator[tuple[str, str]]:
    """Give the method and the path of each operation that has parameters in its path."""
    for path, found in document(client.app).get("paths", {}).items():  # type: ignore[arg-type]  # ours is a FastAPI
        if "{" in path:
            yield from ((method.upper(), path) for method in found)


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_what_cannot_be_a_name_is_not_found_on_every_route(client: TestClient, name: str) -> None:
    asked = list(operations(client))
    assert len(asked) > 12
    for method, path in asked:
        for prefix in ("", "/v1"):
            url = prefix + path.replace("{index}", "0")
            for parameter in ("{batch_id}", "{worker_id}", "{name}"):
                url = url.replace(parameter, name)
            body: dict[str, list[str]] | None = {"pipeline": []} if method == "PUT" else None
            problem_of(client.request(method, url, json=body), 404, "not_found")


@pytest.mark.parametrize(
    "index",
    [
        "-1",
        "abc",
        "1.5",
        "%00",
        "0%0A",
        "9" * 5000,
        "99999999999999999999",
        quote("٣"),
        "0x1",
        "1e3",
        "+1",
        "1_0",
        "1.0",
        "01",
        "%201",
    ],
)
@pytest.mark.parametrize("of", ["", "/output"])
def test_an_index_that_cannot_be_one_is_not_found(client: TestClient, index: str, of: str) -> None:
    batch_id = submitted(client)
    assert client.get(f"/batches/{batch_id}/items/0").status_code == 200
    problem_of(client.get(f"/batches/{batch_id}/items/{index}{of}"), 404, "not_found")


def test_what_is_not_found_is_named_with_what_it_would_be(client: TestClient) -> None:
    assert "no batch 'b 1'" in problem_of(client.get("/batches/b 1"), 404, "not_found").detail
    assert (
        "no preset 'B': String should match pattern '^[a-z0-9]"
        in problem_of(client.get("/presets/B"), 404, "not_found").detail
    )
    assert "no worker 'a b'" in problem_of(client.post("/workers/a b/drain"), 404, "not_found").detail
    assert "no item '-1'" in problem_of(client.get("/batches/b_1/items/-1"), 404, "not_found").detail


def test_a_method_that_a_path_does_not_take_is_told_all_that_it_takes(client: TestClient) -> None:
    paths = document(client.app)["paths"]  # type: ignore[arg-type]  # ours is a FastAPI
    for path, found in paths.items():
        url = path.replace("{batch_id}", "b_1").replace("{index}", "0").replace("{name}", "web")
        takes = {*map(str.upper, found), "OPTIONS"}
        for prefix in ("", "/v1"):
            for method in {"DELETE", "GET", "PATCH", "POST", "PUT", "TRACE", "BREW"} - takes:
                response = client.request(method, prefix + url)
                assert method in problem_of(response, 405, "method_not_allowed").detail
                assert set(response.headers["allow"].split(", ")) == takes
            options = client.options(prefix + url)
            assert (options.status_code, options.content) == (204, b"")
            assert set(options.headers["allow"].split(", ")) == takes


@pytest.mark.parametrize(
    ("path", "takes"),
    [("/", "GET, OPTIONS"), ("/docs", "GET, OPTIONS"), ("/static/style.css", "GET, HEAD, OPTIONS")],
)
def test_pages_say_their_methods_too(client: TestClient, path: str, takes: str) -> None:
    response = client.post(path)
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == client.options(path).headers["allow"] == takes


def test_the_options_of_no_route_are_not_found(client: TestClient) -> None:
    problem_of(client.options("/nowhere"), 404, "not_found")
