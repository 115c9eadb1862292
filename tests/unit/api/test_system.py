import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rayjobs.errors import RegistryUnavailableError
from rayjobs.model.worker import InHand, Worker
from rayjobs.ports import Registry
from rayjobs_api.responses import PurgeAnswer, QueueAnswer, ReadyAnswer, WorkersAnswer
from tests.support.system import System
from tests.unit.api.asking import problem_of, submitted

WORKER = Worker("w", "node", None, 2, 10, 1.5, 2**20, 150.0, (InHand("b_1", 3),), {"filters": ["blur"]}, {})


def test_a_system_is_ready_when_registry_store_and_dispatcher_are(
    client: TestClient, registry: Registry
) -> None:
    response = client.get("/readyz")
    ready = ReadyAnswer.model_validate(response.json())
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert (ready.ready, ready.dependencies["registry"], ready.dependencies["store"]) == (False, "ok", "ok")
    assert ready.dependencies["dispatcher"] == "no dispatcher leads"
    registry.lead("me", 60)
    response = client.get("/readyz")
    assert (response.status_code, ReadyAnswer.model_validate(response.json()).ready) == (200, True)


def test_a_store_that_cannot_be_written_is_named(
    client_with: Callable[..., TestClient], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    client = client_with(store=str(tmp_path / "file" / "store"))
    assert "in the way" not in client.get("/readyz").json()["dependencies"]["store"]
    assert client.get("/readyz").json()["dependencies"]["store"] != "ok"


def test_workers_and_queue_are_shown(client: TestClient, registry: Registry) -> None:
    registry.beat(WORKER, 60)
    submitted(client)
    [worker] = WorkersAnswer.model_validate(client.get("/workers").json()).workers
    assert (worker.id, worker.slots, worker.busy_slots) == ("w", 2, 1)
    queue = QueueAnswer.model_validate(client.get("/queue").json())
    assert (queue.pending, queue.in_flight, queue.batches_by_state) == (3, 0, {"queued": 1})


def test_a_worker_is_asked_to_drain_if_it_is_there(client: TestClient, registry: Registry) -> None:
    problem_of(client.post(f"/workers/{WORKER.id}/drain"), 404, "not_found")
    registry.beat(WORKER, 60)
    asked = client.post(f"/workers/{WORKER.id}/drain")
    assert asked.status_code == 202
    [shown] = WorkersAnswer.model_validate(asked.json()).workers
    assert (shown.id, registry.drains(WORKER.id)) == (WORKER.id, True)


def test_the_old_metrics_show_queue_workers_and_counts(client: TestClient, registry: Registry) -> None:
    registry.beat(WORKER, 60)
    submitted(client)
    found = client.get("/api/metrics/").json()
    assert found["counts"] == {"pending": 3, "running": 0, "batches": {"queued": 1}}
    assert found["slots"] == {"total": 2, "busy": 1}
    assert (found["queue"]["pending"], found["workers"][0]["id"]) == (3, "w")


def test_a_purge_without_a_word_destroys_no_work(client: TestClient) -> None:
    batch_id = submitted(client)
    problem_of(client.post("/purge"), 409, "conflict")
    purged = PurgeAnswer.model_validate(client.post("/purge", json={"running": "cancel"}).json())
    assert purged.cancelled_batches == 1
    assert client.get(f"/batches/{batch_id}").json()["state"] == "cancelled", "the record keeps it"
    problem_of(client.post("/purge", json={"running": "maybe"}), 422, "invalid_request")


def test_metrics_show_the_farm_and_the_requests(client: TestClient, whole: System) -> None:
    whole.registry.beat(WORKER, 60)
    whole.finished(submitted(client))
    client.get("/v1/batches/b_none")
    client.get("/nowhere")
    text = client.get("/metrics").text
    for line in (
        'rayjobs_batches{state="running"} 0.0',
        "rayjobs_items_pending 0.0",
        "rayjobs_workers 1.0",
        "rayjobs_slots 2.0",
        "rayjobs_slots_busy 1.0",
        'rayjobs_worker_items_total{worker="w"} 10.0',
        'rayjobs_http_request_seconds_count{method="POST",route="/batches",status="202"} 1.0',
        'rayjobs_http_request_seconds_count{method="GET",route="/batches/{batch_id}",status="404"} 1.0',
        'rayjobs_http_request_seconds_count{method="GET",route="none",status="404"} 1.0',
    ):
        assert line in text


def test_metrics_are_given_while_the_registry_is_away(
    client: TestClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise RegistryUnavailableError("Redis does not answer")

    monkeypatch.setattr(registry, "queue", away)
    text = client.get("/metrics").text
    assert "rayjobs_registry_up 0.0" in text
    assert "rayjobs_http_request_seconds" in text
    problem_of(response := client.get("/queue"), 503, "registry_unavailable")
    assert int(response.headers["retry-after"]) > 0


def test_filters_and_formats_come_with_their_schemas(client: TestClient) -> None:
    filters = {each["name"]: each for each in client.get("/filters").json()["filters"]}
    assert filters["blur"]["schema"]["properties"]["radius"]["type"] == "number"
    formats = client.get("/formats").json()
    assert {"jpeg", "png", "webp"} <= {each["name"] for each in formats["formats"]}
    assert "quality" in formats["output"]["properties"]
    assert {"psd", "qoi"} <= {each["name"] for each in formats["not_read"] if each["reason"]}


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2", True), ("no spaces", False), ("x" * 200, False)])
def test_a_request_id_is_kept_if_it_is_safe_to_repeat(client: TestClient, given: str, *, kept: bool) -> None:
    answered = client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert (answered == given) is kept


def test_a_request_is_logged_with_its_id(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "api.requests"):
        client.post("/purge", headers={"X-Request-ID": "mine"})
    [record] = [each for each in caplog.records if each.name == "api.requests"]
    assert record.getMessage().startswith("POST /purge 200, ")
    assert vars(record)["request_id"] == "mine"
