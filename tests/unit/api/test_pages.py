import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from rayjobs.errors import ITEM_ERRORS
from rayjobs_api.routes.page import STATIC


@pytest.mark.parametrize("path", ["/", "/docs", "/v1/", "/v1/docs"])
def test_a_page_may_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    used = re.findall(r'(?:src|href)="([^"#]+)"', response.text)
    assert used
    for address in used:
        assert client.get(address).status_code == 200, address


def test_no_file_of_the_pages_names_another_site() -> None:
    for file in STATIC.glob("*.*"):
        text = file.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://\w", text), file


def test_the_page_links_to_the_dashboard_of_the_settings(client_with: Callable[..., TestClient]) -> None:
    assert (
        'href="http://ray:8265/?a=&quot;b"'
        in client_with(dashboard_url='http://ray:8265/?a="b').get("/").text
    )


def test_clients_that_ask_for_the_document_at_once_get_the_same(
    client_with: Callable[..., TestClient],
) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            client = client_with()
            answers = list(pool.map(lambda _, one=client: one.get("/openapi.json"), range(8)))
            assert [answer.status_code for answer in answers] == [200] * 8
            assert len({answer.text for answer in answers}) == 1


def test_the_document_describes_every_route_once_with_its_errors(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))
    assert all(each["summary"] and "422" not in each["responses"] for each in operations)
    assert {"application/problem+json"} == {
        kind for each in operations for kind in each["responses"]["default"]["content"]
    }
    assert set(ITEM_ERRORS) < set(document["x-error-codes"])
    assert document["x-error-codes"]["queue_full"]["status"] == 429
    assert document["x-error-codes"]["internal"]["status"] == 500


def test_every_reference_of_the_document_leads_somewhere(client: TestClient) -> None:
    response = client.get("/openapi.json")
    schemas = response.json()["components"]["schemas"]
    for name in set(re.findall(r'"#/components/schemas/([^"]+)"', response.text)):
        assert name in schemas
    assert '"#/$defs' not in response.text


def test_the_examples_of_the_document_are_accepted(client: TestClient) -> None:
    body = client.get("/openapi.json").json()["paths"]["/batches"]["post"]["requestBody"]
    examples = body["content"]["application/json"]["examples"]
    assert examples.keys() == {
        "BatchForm",
        "BatchForm with variants",
        "BatchForm of a preset",
        "ShortForm",
    }
    for example in examples.values():
        assert client.post("/batches", json=example["value"]).status_code == 202
