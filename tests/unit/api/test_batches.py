from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rayjobs.ports import Registry
from rayjobs.settings import Settings
from rayjobs_api.requests.forms import EXAMPLES
from rayjobs_api.responses import BatchAnswer, BatchesAnswer, PlanAnswer
from tests.support.system import System
from tests.unit.api.asking import BODY, problem_of, submitted

SEED = {
    "filters": ["resize", "blur", "sharpen", "edges"],
    "filter_params": {
        "resize": {"width": 64, "height": 64},
        "blur": {"radius": 5.0},
        "sharpen": {"factor": 2.0},
    },
    "count": 2,
}


def test_a_batch_is_accepted_with_its_place(client: TestClient) -> None:
    response = client.post("/batches", json=BODY)
    batch = BatchAnswer.model_validate(response.json())
    assert (response.status_code, response.headers["location"]) == (202, f"/batches/{batch.id}")
    assert BatchAnswer.model_validate(client.get(response.headers["location"]).json()).id == batch.id


@pytest.mark.parametrize("path", ["/batches", "/v1/batches", "/api/process-batch/distributed/"])
def test_the_short_form_is_the_same_call_everywhere(client: TestClient, path: str) -> None:
    response = client.post(path, json=SEED)
    assert response.status_code == 202
    batch = BatchAnswer.model_validate(response.json())
    assert [each["name"] for each in batch.pipeline] == ["resize", "blur", "sharpen", "edges"]
    assert (batch.pipeline[1]["radius"], batch.counts.total) == (5.0, 2)


def test_the_short_form_takes_what_the_long_one_takes_beside(client: TestClient) -> None:
    body = SEED | {"priority": 3, "labels": {"who": "us"}, "output": {"format": "png"}}
    batch = client.post("/batches", json=body).json()
    assert (batch["priority"], batch["labels"], batch["output"]["format"]) == (3, {"who": "us"}, "png")


def test_a_dry_run_says_what_would_run_and_stores_nothing(
    client: TestClient, farm_settings: Settings
) -> None:
    response = client.post("/batches?dry_run=true", json=BODY)
    plan = PlanAnswer.model_validate(response.json())
    assert (response.status_code, plan.total, len(plan.names)) == (200, 3, 3)
    assert plan.pipeline[0]["name"] == "thumbnail"
    assert client.get("/batches").json()["batches"] == []
    assert not Path(farm_settings.store).exists()


def test_a_dry_run_tells_of_variants(client: TestClient) -> None:
    body = EXAMPLES["BatchForm with variants"]
    plan = PlanAnswer.model_validate(client.post("/batches?dry_run=true", json=body).json())
    assert [each["name"] for each in plan.variants or ()] == ["large", "small"]
    assert plan.names[1].endswith("-small.webp")
    beside = {name: body[name] for name in ("variants", "output")}
    short = PlanAnswer.model_validate(client.post("/batches?dry_run=true", json=SEED | beside).json())
    assert (short.variants, len(short.pipeline)) == (plan.variants, 4)


def test_a_dry_run_finds_the_same_faults(client: TestClient) -> None:
    problem_of(client.post("/batches?dry_run=true", json=BODY | {"priority": 99}), 422, "invalid_request")


def test_the_same_key_with_the_same_body_is_the_same_batch(client: TestClient) -> None:
    headers = {"Idempotency-Key": "a-key"}
    first, second = (client.post("/batches", json=BODY, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len(client.get("/batches").json()["batches"]) == 1


def test_the_same_key_with_another_body_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "a-key"}
    client.post("/batches", json=BODY, headers=headers)
    problem_of(
        client.post("/batches", json=BODY | {"priority": 1}, headers=headers), 422, "idempotency_mismatch"
    )


def test_pages_of_batches_are_newest_first_and_end(client: TestClient) -> None:
    ids = [submitted(client) for _ in range(5)]
    found, path = [], "/batches?limit=2"
    while path:
        page = BatchesAnswer.model_validate(client.get(path).json())
        assert len(page.batches) <= 2
        found += [batch.id for batch in page.batches]
        path = f"/batches?limit=2&cursor={page.next}" if page.next else ""
    assert found == sorted(ids, reverse=True)


def test_batches_are_found_by_state_and_by_label(client: TestClient) -> None:
    mine = submitted(client, labels={"who": "me", "a": "b:c"})
    submitted(client)
    assert [b["id"] for b in client.get("/batches?label=who:me").json()["batches"]] == [mine]
    assert [b["id"] for b in client.get("/batches?label=a:b:c").json()["batches"]] == [mine]
    assert client.get("/batches?label=who:you").json()["batches"] == []
    assert client.get("/batches?state=running").json()["batches"] == []
    assert len(client.get("/batches?state=queued").json()["batches"]) == 2


def test_a_batch_can_be_cancelled_once(client: TestClient) -> None:
    batch_id = submitted(client)
    cancelled = BatchAnswer.model_validate(client.post(f"/batches/{batch_id}/cancel").json())
    assert cancelled.counts.cancelled == 3


def test_a_finished_batch_cannot_be_cancelled(client: TestClient, whole: System) -> None:
    batch_id = submitted(client)
    whole.finished(batch_id)
    problem_of(client.post(f"/batches/{batch_id}/cancel"), 409, "conflict")


def test_failed_items_are_put_back_by_their_codes(client: TestClient, whole: System, pictures: Path) -> None:
    good = (pictures / "p03.jpg").read_bytes()
    (pictures / "p03.jpg").write_text("no picture", encoding="utf-8")
    batch_id = submitted(client, source={"type": "folder", "path": str(pictures)})
    whole.finished(batch_id)
    retry = f"/batches/{batch_id}/retry"
    problem_of(client.post(retry, json={"codes": ["truncated"]}), 409, "conflict")
    [error] = problem_of(client.post(retry, json={"codes": ["trunkated"]}), 422, "invalid_request").errors
    assert (error.pointer, error.code) == ("/codes/0", "not_allowed")
    (pictures / "p03.jpg").write_bytes(good)
    again = client.post(retry, json={"codes": ["unsupported_format"]})
    assert BatchAnswer.model_validate(again.json()).counts.failed == 0
    assert whole.finished(batch_id).counts.succeeded == 12


def test_a_full_queue_is_answered_with_when_to_come_back(
    client: TestClient, registry: Registry, farm_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = farm_settings.model_copy(update={"max_waiting_batches": 1})
    monkeypatch.setattr(registry, "_settings", full)
    submitted(client)
    response = client.post("/batches", json=BODY)
    problem_of(response, 429, "queue_full")
    assert int(response.headers["retry-after"]) > 0
