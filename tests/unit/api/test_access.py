from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rayjobs.errors import UnauthorizedError
from rayjobs_api.requests.access import known_keys
from tests.unit.api.asking import problem_of


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text("# ours\nfirst-key\n\n  second-key  \n", encoding="utf-8")
    return file


@pytest.fixture
def guarded(client_with: Callable[..., TestClient], keys: Path) -> TestClient:
    return client_with(api_keys_file=keys)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key"},
        {"Authorization": "bearer second-key"},
        {"X-API-Key": "second-key"},
    ],
)
def test_a_key_opens_the_api(guarded: TestClient, headers: dict[str, str]) -> None:
    assert guarded.get("/batches", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic first-key"},
        {"X-API-Key": "first-ke"},
        {"X-API-Key": "# ours"},
        {"Authorization": "Bearer wrong", "X-API-Key": "wrong"},
    ],
)
def test_without_a_known_key_every_route_with_work_or_data_is_closed(
    guarded: TestClient, headers: dict[str, str]
) -> None:
    for path in ("/batches", "/v1/batches/b_1", "/queue", "/workers", "/filters", "/api/metrics/"):
        response = guarded.get(path, headers=headers)
        assert "RAYJOBS_API_KEYS_FILE" in problem_of(response, 401, "unauthorized").detail
        assert response.headers["www-authenticate"] == "Bearer"
    for path in ("/batches", "/uploads", "/purge"):
        problem_of(guarded.post(path, headers=headers), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/livez", "/metrics", "/static/style.css"])
def test_what_holds_no_data_of_users_is_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_a_key_that_is_added_holds_at_once(guarded: TestClient, keys: Path) -> None:
    headers = {"X-API-Key": "third-key"}
    assert guarded.get("/batches", headers=headers).status_code == 401
    keys.write_text("third-key\n", encoding="utf-8")
    assert guarded.get("/batches", headers=headers).status_code == 200
    assert guarded.get("/batches", headers={"X-API-Key": "first-key"}).status_code == 401


def test_a_file_without_a_key_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# none\n\n", encoding="utf-8")
    with pytest.raises(UnauthorizedError, match="has no key"):
        known_keys(tmp_path / "empty")
    with pytest.raises(UnauthorizedError, match="can't be read"):
        known_keys(tmp_path / "none")


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Origin": "http://testserver"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, True),
    ],
)
def test_another_sites_page_cannot_make_a_browser_purge(
    client: TestClient, headers: dict[str, str], *, passes: bool
) -> None:
    assert client.post("/purge", headers=headers).status_code == (200 if passes else 401)


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("0.0.0.0:8000", True),
        ("api", True),
        ("a.localhost", True),
        ("evil.example", False),
        ("evil.example.", False),
    ],
)
def test_a_sites_own_name_is_not_taken_for_this_machine(
    client: TestClient, host: str, *, passes: bool
) -> None:
    assert client.get("/batches", headers={"Host": host}).status_code == (200 if passes else 401)


def test_with_keys_the_api_may_have_any_name(guarded: TestClient) -> None:
    headers = {"Host": "pictures.example", "X-API-Key": "first-key"}
    assert guarded.get("/batches", headers=headers).status_code == 200
