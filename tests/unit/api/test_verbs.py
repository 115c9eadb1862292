from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rayjobs.model.batch import State
from rayjobs.ports import Registry
from rayjobs.settings import Settings
from rayjobs_api.responses import BatchAnswer, LogAnswer
from tests.support.system import System, farm
from tests.support.waiting import wait_until
from tests.unit.api.asking import BODY, problem_of, refused, submitted


@pytest.fixture
def idle(farm_settings: Settings, registry: Registry) -> Iterator[System]:
    """Return the farm behind the application; a test says when its dispatcher begins."""
    with farm(farm_settings, registry) as waiting:
        yield waiting


@pytest.fixture
def source(pictures: Path) -> dict[str, object]:
    return {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())]}


def verb(client: TestClient, batch_id: str, name: str) -> BatchAnswer:
    response = client.post(f"/batches/{batch_id}/{name}")
    assert response.status_code == 200, response.text
    return BatchAnswer.model_validate(response.json())


def log(client: TestClient, batch_id: str) -> list[tuple[str, str, str]]:
    answer = LogAnswer.model_validate(client.get(f"/batches/{batch_id}/log").json())
    return [(line.state.value, line.cause, line.actor) for line in answer.log]


def test_a_paused_batch_waits_until_it_is_resumed(
    client: TestClient, idle: System, source: dict[str, object]
) -> None:
    batch_id = submitted(client, source=source)
    assert verb(client, batch_id, "pause").state == State.PAUSED
    problem_of(client.post(f"/batches/{batch_id}/retry"), 409, "conflict")
    idle.dispatch()
    late = submitted(client, source=source)
    assert idle.finished(late).counts.succeeded == 12
    assert idle.registry.get(batch_id).counts.pending == 12
    verb(client, batch_id, "resume")
    assert idle.finished(batch_id).counts.succeeded == 12
    for name in ("pause", "resume", "cancel"):
        problem_of(client.post(f"/batches/{batch_id}/{name}"), 409, "conflict")


def test_a_batch_is_removed_with_its_outputs_once_it_has_ended(
    client: TestClient, idle: System, source: dict[str, object]
) -> None:
    batch_id = submitted(client, source=source)
    problem_of(client.delete(f"/batches/{batch_id}"), 409, "conflict")
    idle.dispatch()
    idle.finished(batch_id)
    assert len(idle.outputs(batch_id)) == 12
    removed = client.delete(f"/batches/{batch_id}")
    assert BatchAnswer.model_validate(removed.json()).counts.succeeded == 12
    for path in ("", "/log", "/items", "/results"):
        problem_of(client.get(f"/batches/{batch_id}{path}"), 404, "not_found")
    problem_of(client.delete(f"/batches/{batch_id}"), 404, "not_found")
    left = [path for path in Path(idle.settings.store).rglob("*") if batch_id in str(path)]
    assert left == []


def test_the_log_tells_each_change_with_its_cause_and_who_made_it(
    client_with: Callable[..., TestClient], idle: System, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text("my-key\n", encoding="utf-8")
    client = client_with(api_keys_file=tmp_path / "keys")
    client.headers["Authorization"] = "Bearer my-key"
    before = idle.dispatch()
    wait_until(idle.registry.restored, 10, "a dispatcher has found the record empty")
    before.set()
    idle.threads[0].join(10)
    me = f"key:{sha256(b'my-key').hexdigest()[:8]}"
    batch_id = submitted(client)
    verb(client, batch_id, "pause")
    verb(client, batch_id, "pause")
    verb(client, batch_id, "cancel")
    idle.dispatch()
    idle.finished(batch_id)
    assert log(client, batch_id) == [
        ("queued", "submit", me),
        ("paused", "pause", me),
        ("finalizing", "cancel", me),
        ("cancelled", "closed", "dispatcher"),
    ]
    assert "my-key" not in client.get(f"/batches/{batch_id}/log").text


def test_a_batch_that_is_late_is_expired_and_says_so(client: TestClient, idle: System) -> None:
    batch_id = submitted(client, deadline_s=0.05)
    verb(client, batch_id, "pause")
    idle.dispatch()
    batch = idle.finished(batch_id)
    assert batch.state is State.EXPIRED
    answer = BatchAnswer.model_validate(client.get(f"/batches/{batch_id}").json())
    assert answer.error is not None
    assert (answer.error["code"], answer.error["limit"], answer.deadline_s) == ("deadline", 0.05, 0.05)
    assert log(client, batch_id)[-2:] == [
        ("finalizing", "deadline", "dispatcher"),
        ("expired", "closed", "dispatcher"),
    ]
    problem_of(client.post(f"/batches/{batch_id}/retry"), 409, "conflict")


def test_a_batch_that_fails_too_often_ends_and_a_retry_runs_all_the_rest(
    client: TestClient, whole: System, pictures: Path
) -> None:
    good = {path: path.read_bytes() for path in sorted(pictures.iterdir())}
    for path in list(good)[:2]:
        path.write_text("no picture", encoding="utf-8")
    paths = [str(path) for path in good]
    batch_id = submitted(client, source={"type": "paths", "paths": paths}, max_failed_ratio=0.0)
    batch = whole.finished(batch_id)
    assert batch.state is State.FAILED
    assert batch.error is not None
    assert (batch.error["code"], batch.counts.failed + batch.counts.cancelled >= 2) == (
        "max_failed_ratio",
        True,
    )
    for path, data in good.items():
        path.write_bytes(data)
    client.post(f"/batches/{batch_id}/retry")
    batch = whole.finished(batch_id)
    assert (batch.state, batch.counts.succeeded, batch.error) == (State.SUCCEEDED, 12, None)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("deadline_s", 0, "out_of_bounds"),
        ("deadline_s", 2_592_001, "out_of_bounds"),
        ("deadline_s", "60", "wrong_type"),
        ("max_failed_ratio", -0.1, "out_of_bounds"),
        ("max_failed_ratio", 1.1, "out_of_bounds"),
        ("max_failed_ratio", True, "wrong_type"),
    ],
)
def test_terms_out_of_their_bounds_are_refused(
    client: TestClient, field: str, value: object, code: str
) -> None:
    [error] = refused(client, BODY | {field: value}, "invalid_request").errors
    assert (error.pointer, error.code) == (f"/{field}", code)


@pytest.mark.parametrize("name", ["pause", "resume", "cancel", "retry"])
def test_a_verb_of_a_batch_that_is_not_there_is_answered_so(client: TestClient, name: str) -> None:
    problem_of(client.post(f"/batches/b_none/{name}"), 404, "not_found")
