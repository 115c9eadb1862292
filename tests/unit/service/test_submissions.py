"""What a client may ask for; bad input is refused with what, where and the limit, and stores nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.errors import (
    BatchTooLargeError,
    ConflictError,
    IdempotencyMismatchError,
    InvalidPipelineError,
    InvalidRequestError,
    OutputNameError,
    RayJobsError,
    RegistryFullError,
    RegistryUnavailableError,
    SourceTooLargeError,
    UnknownFilterError,
)
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.model.batch import State
from rayjobs.model.ids import new_id
from rayjobs.ports import NewBatch
from rayjobs.settings import Settings
from tests.support.system import THUMB, System


@pytest.fixture
def whole(farm_settings: Settings) -> System:
    settings = farm_settings.model_copy(update={"max_inline_items": 1000, "max_upload_bytes": 100})
    return System(settings, MemoryRegistry(settings))


def stored(whole: System) -> list[str]:
    return sorted(whole.record.store.names("record"))


def body(source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"source": source or {"type": "samples", "count": 3}, "pipeline": THUMB, **more}


def blur(**parameters: object) -> dict[str, Any]:
    return {"pipeline": [{"name": "blur"} | parameters]}


def samples(count: int) -> dict[str, Any]:
    return {"source": {"type": "samples", "count": count}}


@pytest.mark.parametrize(
    ("given", "error", "pointer", "words"),
    [
        (blur(name="blurr"), UnknownFilterError, "/pipeline/0/name", "blur"),
        (blur(radius="5"), InvalidPipelineError, "/pipeline/0/radius", "number"),
        (blur(radius=9999), InvalidPipelineError, "/pipeline/0/radius", "at most"),
        (blur(radius=float("nan")), InvalidPipelineError, "/pipeline/0/radius", "finite"),
        (blur(radius=1, x=1), InvalidPipelineError, "/pipeline/0/x", "x"),
        ({"pipeline": "blur"}, InvalidPipelineError, "/pipeline", "list"),
        ({"pipelin": []}, InvalidRequestError, "/pipelin", "pipelin"),
        ({"priority": 11}, InvalidRequestError, "/priority", "at most 10"),
        (samples(0), InvalidRequestError, "/source/count", "at least 1"),
        ({"source": {"type": "cloud"}}, InvalidRequestError, "/source", "samples"),
        ({"output": {"format": "jpg"}}, InvalidRequestError, "/output/format", "jpeg"),
        ({"output": {"quality": 101}}, InvalidRequestError, "/output/quality", "at most 100"),
        ({"output": {"name": "../{index}"}}, OutputNameError, "/output/name", "leave"),
        (samples(20) | {"output": {"name": "{stem}"}}, OutputNameError, "/output/name", "items 0 and"),
    ],
)
def test_bad_input_is_refused_where_it_stands_and_stores_nothing(
    whole: System, given: dict[str, Any], error: type[RayJobsError], pointer: str, words: str
) -> None:
    with pytest.raises(error) as caught:
        whole.intake.submit(body() | given)
    assert isinstance(caught.value, InvalidRequestError)
    problems = caught.value.problems
    assert [p.pointer for p in problems] == [pointer]
    assert words in problems[0].detail
    assert stored(whole) == []
    assert whole.registry.queue().pending == 0


def test_more_items_than_one_request_may_name_are_sent_elsewhere(whole: System, pictures: Path) -> None:
    paths = [f"{pictures}/{i}.jpg" for i in range(1001)]
    with pytest.raises(BatchTooLargeError, match='"folder"') as caught:
        whole.intake.submit(body({"type": "paths", "paths": paths}))
    assert (caught.value.limit, caught.value.actual) == (1000, 1001)


@pytest.mark.parametrize("path", ["/etc/passwd", "relative.jpg", "{root}/../secret.jpg", "{root}x/p.jpg"])
def test_paths_outside_of_the_roots_are_refused_by_name(whole: System, pictures: Path, path: str) -> None:
    bad = path.format(root=pictures)
    with pytest.raises(InvalidRequestError, match="allowed root") as caught:
        whole.intake.submit(body({"type": "paths", "paths": [f"{pictures}/p00.jpg", bad]}))
    [problem] = caught.value.problems
    assert (problem.pointer, problem.code, problem.actual) == ("/source/paths/1", "source_forbidden", bad)


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("paths/1", {"type": "paths", "paths": ["{root}/p00.jpg", "{root}/a\0b.jpg"]}),
        ("path", {"type": "folder", "path": "{root}/\0"}),
        ("pattern", {"type": "folder", "path": "{root}", "pattern": "*\0"}),
    ],
)
def test_a_nul_is_refused_where_it_stands(
    whole: System, pictures: Path, field: str, source: dict[str, Any]
) -> None:
    rooted = json.loads(json.dumps(source).replace("{root}", str(pictures)))
    with pytest.raises(InvalidRequestError) as caught:
        whole.intake.submit(body(rooted))
    assert [p.pointer for p in caught.value.problems] == [f"/source/{field}"]
    assert stored(whole) == []


def test_an_id_that_no_upload_can_have_is_one_that_does_not_exist(whole: System) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        whole.intake.submit(body({"type": "upload", "ids": ["u_" + "a" * 300, "u_\0", "u_\u0661"]}))
    assert {p.code for p in caught.value.problems} == {"source_not_found"}


def test_a_folder_outside_of_the_roots_is_refused(whole: System) -> None:
    with pytest.raises(InvalidRequestError, match="allowed root"):
        whole.intake.submit(body({"type": "folder", "path": "/etc"}))


def test_an_unknown_upload_is_refused_by_name(whole: System) -> None:
    with pytest.raises(InvalidRequestError, match="u_none") as caught:
        whole.intake.submit(body({"type": "upload", "ids": ["u_none", "../x"]}))
    assert [p.pointer for p in caught.value.problems] == ["/source/ids/0", "/source/ids/1"]


def test_a_name_without_index_is_refused_where_the_items_are_listed_later(
    whole: System, pictures: Path
) -> None:
    with pytest.raises(OutputNameError, match="index"):
        whole.intake.submit(body({"type": "folder", "path": str(pictures)}, output={"name": "{stem}.{ext}"}))


def test_a_batch_is_in_the_record_before_it_is_answered(whole: System) -> None:
    batch, created = whole.intake.submit(body(labels={"who": "me"}, priority=2))
    assert created
    assert (batch.state, batch.counts.pending, batch.priority) == (State.QUEUED, 3, 2)
    document = whole.record.spec(batch.id)["document"]
    assert document["pipeline"][0]["size"] == 32
    assert batch.document == document
    assert batch.as_json()["source"] == {"type": "samples", "count": 3}


def test_a_batch_the_registry_did_not_take_leaves_no_record(
    whole: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RegistryFullError("Redis is full")

    monkeypatch.setattr(whole.registry, "submit", full)
    with pytest.raises(RegistryUnavailableError):
        whole.intake.submit(body())
    assert stored(whole) == []


@pytest.mark.parametrize("entered", [True, False])
def test_a_batch_that_stands_in_the_record_is_acknowledged_whatever_becomes_of_redis(
    whole: System, monkeypatch: pytest.MonkeyPatch, *, entered: bool
) -> None:
    """The outcome is unknown: the batch is there or will be, so nobody is told that it is not."""
    real = whole.registry.submit

    def away(*_: object, **__: object) -> None:
        raise RegistryUnavailableError("Redis does not answer")

    def lost(new: NewBatch) -> None:
        if entered:
            real(new)
        monkeypatch.setattr(whole.registry, "get", away)
        away()

    whole.registry.enlist([], last=True)
    monkeypatch.setattr(whole.registry, "submit", lost)
    batch, created = whole.intake.submit(body())
    assert (batch.state, batch.counts.pending, created) == (State.QUEUED, 3, True)
    monkeypatch.undo()
    Recovery(whole.registry, whole.record).check(())
    assert whole.registry.get(batch.id).counts.pending == 3
    assert stored(whole) == [batch.id]


def test_the_same_key_and_body_is_the_same_batch_and_another_body_is_refused(whole: System) -> None:
    first, _ = whole.intake.submit(body(), idempotency_key="k")
    again, created = whole.intake.submit(dict(reversed(body().items())), idempotency_key="k")
    assert (again.id, created) == (first.id, False)
    with pytest.raises(IdempotencyMismatchError):
        whole.intake.submit(body(priority=1), idempotency_key="k")
    assert stored(whole) == [first.id]


def test_a_plan_says_what_would_run_and_stores_nothing(whole: System) -> None:
    plan = whole.intake.plan(body())
    assert (plan["total"], plan["dry_run"], plan["output"]["format"]) == (3, True, "jpeg")
    assert plan["names"][0].startswith("000000-")
    assert stored(whole) == []


def test_an_upload_becomes_a_source(whole: System) -> None:
    sent = whole.intake.upload("../../Föö bar?.jpg", [b"abc", b"def"])
    assert (sent["bytes"], sent["name"]) == (6, "Föö bar_.jpg")
    batch, _ = whole.intake.submit(body({"type": "upload", "ids": [sent["id"]]}))
    assert batch.counts.total == 1


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(whole: System) -> None:
    with pytest.raises(SourceTooLargeError, match="MAX_UPLOAD_BYTES"):
        whole.intake.upload("x.jpg", [b"x" * 60, b"x" * 60])
    store = whole.record.store
    assert [name for one in store.names("uploads") for name in store.names(f"uploads/{one}")] == []


def test_only_a_batch_that_ended_with_failures_can_be_retried(whole: System) -> None:
    whole.registry.enlist([], last=True)
    batch, _ = whole.intake.submit(body())
    with pytest.raises(ConflictError, match="queued"):
        whole.intake.retry(batch.id)


def test_a_purge_refuses_while_work_is_open_or_cancels_it(whole: System) -> None:
    batch, _ = whole.intake.submit(body())
    with pytest.raises(ConflictError, match=batch.id):
        whole.intake.purge("refuse")
    answer = whole.intake.purge("cancel")
    assert answer["cancelled_batches"] == 1
    assert answer["run_id"] == whole.registry.run_id() != batch.run_id
    closed = whole.record.closed(batch.id)
    assert closed is not None
    assert closed["cause"] == "purge"
    assert whole.intake.purge("refuse")["cancelled_batches"] == 0


def test_ids_sort_by_age_and_do_not_repeat() -> None:
    ids = [new_id("b") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [i[:11] for i in ids] == sorted(i[:11] for i in ids)


def test_a_relative_root_is_the_folder_it_means(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYJOBS_ROOTS", f"pictures{os.pathsep}other")
    assert Settings().roots == ((tmp_path / "pictures").resolve(), (tmp_path / "other").resolve())
