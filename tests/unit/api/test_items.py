import hashlib
import io
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from rayjobs_api.responses import ItemAnswer, ItemsAnswer
from rayjobs_api.routes.items import has_tag, in_blocks
from tests.support.system import System
from tests.unit.api.asking import problem_of, submitted


@pytest.fixture
def batch_id(client: TestClient, whole: System, pictures: Path) -> str:
    """A batch of twelve items that has ended; item 3 has failed."""
    (pictures / "p03.jpg").write_text("no picture", encoding="utf-8")
    batch_id = submitted(client, source={"type": "folder", "path": str(pictures)})
    whole.finished(batch_id)
    return batch_id


def test_pages_of_items_are_in_index_order_and_end(client: TestClient, batch_id: str) -> None:
    found: list[int] = []
    path = f"/batches/{batch_id}/items?limit=5"
    while path:
        page = ItemsAnswer.model_validate(client.get(path).json())
        found += [item.index for item in page.items]
        path = f"/batches/{batch_id}/items?limit=5&cursor={page.next}" if page.next else ""
    assert found == list(range(12))


def test_items_are_found_by_state_and_by_code(client: TestClient, batch_id: str) -> None:
    items = f"/batches/{batch_id}/items"
    for query in ("state=failed", "code=unsupported_format", "state=failed&code=unsupported_format"):
        assert [item["index"] for item in client.get(f"{items}?{query}").json()["items"]] == [3]
    assert client.get(f"{items}?code=truncated").json()["items"] == []
    problem_of(client.get(f"{items}?code=nonsense"), 422, "invalid_request")
    problem_of(client.get(f"{items}?cursor=nonsense"), 422, "invalid_request")


def test_one_item_tells_its_story(client: TestClient, batch_id: str) -> None:
    good, bad = (
        ItemAnswer.model_validate(client.get(f"/batches/{batch_id}/items/{i}").json()) for i in (0, 3)
    )
    assert good.output is not None
    assert (good.state, good.output["format"], good.error) == ("succeeded", "jpeg", None)
    assert bad.error is not None
    assert (bad.state, bad.error.code, bad.output) == ("failed", "unsupported_format", None)


@pytest.mark.parametrize("index", ["12", "-1", "one"])
def test_an_item_that_is_not_there_is_not_found(client: TestClient, batch_id: str, index: str) -> None:
    problem_of(client.get(f"/batches/{batch_id}/items/{index}"), 404, "not_found")


def test_an_output_comes_with_its_media_type_and_hash(client: TestClient, batch_id: str) -> None:
    response = client.get(f"/batches/{batch_id}/items/0/output")
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'
    assert int(response.headers["content-length"]) == len(response.content)
    assert Image.open(io.BytesIO(response.content)).format == "JPEG"


def test_each_variant_of_an_item_has_a_file_of_its_own(
    client: TestClient, whole: System, pictures: Path
) -> None:
    variants = [
        {"name": "thumb", "pipeline": [{"name": "thumbnail", "size": 16}]},
        {"name": "full", "output": {"format": "png"}},
    ]
    source = {"type": "paths", "paths": [str(pictures / "p00.jpg")]}
    batch_id = submitted(client, source=source, pipeline=[], variants=variants)
    whole.finished(batch_id)
    output = f"/batches/{batch_id}/items/0/output"
    item = ItemAnswer.model_validate(client.get(f"/batches/{batch_id}/items/0").json())
    assert item.outputs is not None
    for name, kind in (("thumb", "JPEG"), ("full", "PNG")):
        response = client.get(f"{output}?variant={name}")
        assert Image.open(io.BytesIO(response.content)).format == kind
        assert hashlib.sha256(response.content).hexdigest() == item.outputs[name]["sha256"]
    for query in ("", "?variant=none"):
        assert "thumb, full" in problem_of(client.get(output + query), 404, "not_found").detail
    [line] = client.get(f"/batches/{batch_id}/results").text.splitlines()
    assert ItemAnswer.model_validate(json.loads(line)) == item


def test_an_output_that_the_client_has_is_not_sent_again(client: TestClient, batch_id: str) -> None:
    path = f"/batches/{batch_id}/items/0/output"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_item_without_an_output_says_why(client: TestClient, batch_id: str) -> None:
    assert "failed" in problem_of(client.get(f"/batches/{batch_id}/items/3/output"), 409, "conflict").detail


def test_the_results_have_one_line_an_item_in_order(client: TestClient, batch_id: str) -> None:
    response = client.get(f"/batches/{batch_id}/results")
    assert response.headers["content-type"] == "application/jsonl"
    lines = [ItemAnswer.model_validate(json.loads(line)) for line in response.text.splitlines()]
    assert [line.index for line in lines] == list(range(12))
    assert [line.index for line in lines if line.error] == [3]


def test_a_tag_is_found_among_several_weak_ones_and_the_star() -> None:
    assert has_tag('W/"a", "b"', '"b"')
    assert has_tag('W/"b"', '"b"')
    assert has_tag("*", '"b"')
    assert not has_tag("", '"b"')
    assert not has_tag('"bb"', '"b"')


def test_lines_are_sent_in_blocks_and_none_is_lost() -> None:
    lines = [b"x" * 1000 + b"\n"] * 1000
    blocks = list(in_blocks(lines))
    assert b"".join(blocks) == b"".join(lines)
    assert len(blocks) == 4
