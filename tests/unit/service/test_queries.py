"""The reading side: items with their states, results in order, outputs."""

import base64
import json
from pathlib import Path

import pytest

from rayjobs.errors import ConflictError, InvalidRequestError, NotFoundError
from rayjobs.model.batch import Verb
from tests.support.system import System


@pytest.fixture
def batch_id(whole_farm: System, pictures: Path) -> str:
    (pictures / "p05.jpg").write_bytes(b"")
    whole_farm.dispatch()
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    whole_farm.finished(batch_id)
    return batch_id


def test_pages_of_items_follow_each_other_to_the_end(whole_farm: System, batch_id: str) -> None:
    seen, cursor = [], None
    while True:
        page = whole_farm.history.items(batch_id, state=None, code=None, cursor=cursor, limit=5)
        seen += [item["index"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == list(range(12))


def test_items_can_be_narrowed_by_state_and_code(whole_farm: System, batch_id: str) -> None:
    assert [i["index"] for i in whole_farm.items(batch_id, code="unsupported_format")] == [5]
    assert [i["index"] for i in whole_farm.items(batch_id, state="failed")] == [5]
    assert len(whole_farm.items(batch_id, state="succeeded")) == 11


def test_an_item_says_what_went_in_and_what_came_out(
    whole_farm: System, batch_id: str, pictures: Path
) -> None:
    item = whole_farm.history.item(batch_id, 2)
    assert item["source"] == str(pictures / "p02.jpg")
    assert (item["input"]["width"], item["input"]["height"], item["input"]["format"]) == (66, 48, "jpeg")
    assert (item["output"]["width"], item["output"]["format"]) == (32, "jpeg")
    assert item["duration_ms"] > 0


def test_results_are_one_line_an_item_in_order(whole_farm: System, batch_id: str) -> None:
    lines = [json.loads(line) for line in whole_farm.history.results(batch_id)]
    assert [line["index"] for line in lines] == list(range(12))
    assert lines == whole_farm.items(batch_id)


def test_an_output_is_its_bytes_with_their_hash(whole_farm: System, batch_id: str) -> None:
    output = whole_farm.history.output(batch_id, 0)
    with output.file as file:
        data = file.read()
    item = whole_farm.history.item(batch_id, 0)
    assert (output.media_type, output.etag, output.size_bytes) == (
        "image/jpeg",
        item["output"]["sha256"],
        len(data),
    )


def test_what_is_not_there_is_said_so(whole_farm: System, batch_id: str) -> None:
    with pytest.raises(NotFoundError, match="0 to 11"):
        whole_farm.history.item(batch_id, 12)
    with pytest.raises(ConflictError, match=r"item 5 .* is failed"):
        whole_farm.history.output(batch_id, 5)
    with pytest.raises(NotFoundError):
        whole_farm.history.item("b_none", 0)


@pytest.mark.parametrize(
    "told", [b"", b"5", b"i", b"i-1", b"i+1", b"i1_0", b"i 1", b"i01", b"i1\n", b"i" + b"9" * 30]
)
def test_a_cursor_is_an_index_that_is_written_in_one_way(
    whole_farm: System, batch_id: str, told: bytes
) -> None:
    for cursor in ("x", "é", told.decode(), base64.urlsafe_b64encode(told).decode()):
        with pytest.raises(InvalidRequestError, match="cursor"):
            whole_farm.items(batch_id, cursor=cursor)


def test_items_of_a_cancelled_batch_that_never_ran_are_cancelled(whole_farm: System, pictures: Path) -> None:
    whole_farm.registry.enlist([], last=True)
    batch_id = whole_farm.submit({"type": "paths", "paths": [str(pictures / "p00.jpg")]})
    whole_farm.intake.steer(batch_id, Verb.CANCEL)
    [item] = whole_farm.items(batch_id)
    assert (item["state"], item["error"]["code"]) == ("cancelled", "cancelled")


def test_a_batch_that_redis_has_forgotten_is_deleted_like_any_other(
    whole_farm: System, batch_id: str
) -> None:
    whole_farm.registry.forget(batch_id)
    deleted = whole_farm.intake.delete(batch_id)
    assert (deleted.id, deleted.counts.total) == (batch_id, 12)
    with pytest.raises(NotFoundError):
        whole_farm.history.batch(batch_id)
    page = whole_farm.history.page(limit=9, cursor=None, state=None, label=None)
    assert (page.batches, page.unreadable) == ([], {})
    folder = Path(whole_farm.settings.store)
    assert [path for path in folder.rglob("*") if batch_id in path.name] == []
    with pytest.raises(NotFoundError):
        whole_farm.intake.delete(batch_id)
