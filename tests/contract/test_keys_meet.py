"""Submissions, keys and ends that meet: real Redis, real record, two APIs, driven step by step."""

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import ConflictError, NotFoundError
from rayjobs.lifecycle import purge
from rayjobs.model.batch import State, Verb
from rayjobs.model.item import Item, Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.record import idempotency
from rayjobs.record.replay import replay
from rayjobs.request.expand import expand
from rayjobs.request.sources import Sources
from rayjobs.settings import Settings
from tests.support.desk import Api, Bench, once
from tests.support.redis_server import RedisServer
from tests.support.system import THUMB


def body(count: int = 4) -> dict[str, object]:
    return {"source": {"type": "samples", "count": count}, "pipeline": THUMB}


@pytest.fixture
def bench(redis_process: RedisServer, tmp_path: Path) -> Iterator[Bench]:
    settings = Settings(
        namespace=f"keys-{uuid.uuid4().hex[:8]}", redis_url=redis_process.url, heartbeat_s=0.1
    )
    yield Bench(RedisRegistry.connect(settings), FileStore(str(tmp_path)), settings)
    with redis_process.client as client:
        client.delete(*client.keys(f"{settings.namespace}:*"))


def sent(api: Api) -> str:
    return api.intake.submit(body(), idempotency_key="k")[0].id


@pytest.mark.parametrize("step", ["put_new", "put", "submit"])
@pytest.mark.parametrize("lost", [False, True])
def test_an_api_that_stands_still_makes_no_second_batch_of_a_key(
    bench: Bench, redis_process: RedisServer, monkeypatch: pytest.MonkeyPatch, step: str, *, lost: bool
) -> None:
    """The key is given up for whoever sends it again; what wakes up behind it finds that out."""
    monkeypatch.setattr(idempotency, "_GRACE_S", -1.0)
    one, two = bench.apis
    others: list[str] = []

    def stand_still(name: str, _number: int) -> None:
        # Before each step of this name: also between the key's file and the spec.
        if name == step and bench.record.key("k") is not None and not others:
            others.append(sent(two))
            if lost:
                with redis_process.client as client:
                    client.flushall()
                bench.restore()

    one.before = stand_still
    mine = sent(one)
    assert others == [mine]
    assert sent(two) == sent(one) == mine
    bench.settle_down()
    assert [one for one in bench.record.batches() if bench.record.is_batch(one)] == [mine]
    assert bench.registry.get(mine).counts.succeeded == 4


def test_a_key_whose_submission_died_is_given_to_one_of_those_who_send_it_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.record.take_key("k", "b_dead")
    monkeypatch.setattr(idempotency, "_GRACE_S", -1.0)
    one, two = bench.apis
    one.before = once("put_new", lambda: None)
    first = sent(one)
    assert sent(two) == first
    assert not bench.record.is_batch("b_dead")


def test_a_verb_on_a_purged_batch_leaves_its_key_with_the_living_one(bench: Bench) -> None:
    one, two = bench.apis
    old = sent(one)
    one.intake.purge("cancel")
    bench.settle_down()
    living = sent(two)
    assert living != old
    with pytest.raises(ConflictError):
        one.intake.steer(old, Verb.PAUSE)
    assert sent(one) == living
    one.intake.delete(old)
    assert sent(two) == living
    bench.registry.forget(living)
    assert sent(two) == living, "the record knows it too"


def test_a_chunk_that_is_committed_while_its_batch_is_purged_changes_no_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was looked at before the purge, and is written behind it."""
    one, _ = bench.apis
    batch_id = one.intake.submit(body())[0].id
    [lease] = bench.claim()
    real = bench.record.store.put_new

    def late(key: str, data: bytes) -> bool:
        monkeypatch.undo()
        purge.begin(bench.registry, bench.record, "me")
        return real(key, data)

    monkeypatch.setattr(bench.record.store, "put_new", late)
    bench.commit(lease)
    assert len(bench.record.entries(batch_id)) == 1, "it is there"
    batch = one.history.batch(batch_id)
    assert (batch.state, batch.counts.cancelled, batch.counts.succeeded) == (State.CANCELLED, 4, 0)
    lines = [orjson.loads(line) for line in one.history.results(batch_id)]
    assert Counter(line["state"] for line in lines) == {"cancelled": 4}


def test_a_worker_that_wakes_up_behind_a_cancel_changes_no_end(bench: Bench) -> None:
    """Its lease was lost with Redis; its commit comes before the batch is closed, or behind it."""
    one, _ = bench.apis
    batch_id = one.intake.submit(body())[0].id
    [early] = bench.claim()
    [late] = bench.claim()
    bench.held = []
    bench.registry.purge()
    bench.recovery.restore(())
    one.intake.steer(batch_id, Verb.CANCEL)
    bench.commit(early)
    bench.work()
    closed = bench.record.closed(batch_id)
    assert closed is not None
    key = f"record/{batch_id}/results/{late.range.first}-{late.range.count}-{late.token}.jsonl"
    head = {"schema_version": 1, "counts": {"succeeded": 1}, "errors": {}, "again": [], "busy_ms": 1.0}
    outcome = Outcome(late.range.first, "succeeded", 1, "w", 1.0).as_json()
    assert bench.record.store.put_new(key, orjson.dumps(head) + b"\n" + orjson.dumps(outcome))
    batch = one.history.batch(batch_id)
    assert (batch.counts.succeeded, batch.counts.cancelled) == (1, 3)
    lines = [orjson.loads(line) for line in one.history.results(batch_id)]
    assert Counter(line["state"] for line in lines) == {"succeeded": 1, "cancelled": 3}


def test_a_batch_that_is_cancelled_while_it_is_listed_stands_after_a_loss_as_before(
    bench: Bench, tmp_path: Path
) -> None:
    one, _ = bench.apis
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"x")
    settings = Settings(store=str(tmp_path), roots=(folder,))
    api = Api(bench.registry, bench.record.store, settings)
    batch_id = api.intake.submit({"source": {"type": "folder", "path": str(folder)}, "pipeline": THUMB})[0].id
    record = bench.record

    def page_then_cancel(batch: str, page: int, items: list[Item]) -> None:
        type(record).seal_page(record, batch, page, items)
        one.intake.steer(batch_id, Verb.CANCEL)

    record.seal_page = page_then_cancel  # type: ignore[method-assign, assignment]
    expand(batch_id, bench.registry, record, Sources(settings, record.store))
    bench.work()
    before = one.history.batch(batch_id)
    assert (before.state, before.counts.total) == (State.CANCELLED, 0)
    bench.registry.purge()
    bench.restore()
    after = one.history.batch(batch_id)
    assert (after.state, after.counts) == (before.state, before.counts)
    with pytest.raises(ConflictError):
        one.intake.steer(batch_id, Verb.PAUSE)
    assert one.intake.delete(batch_id).counts == before.counts


def test_who_deletes_goes_on_where_somebody_else_died(bench: Bench) -> None:
    one, two = bench.apis
    batch_id = one.intake.submit(body())[0].id
    bench.work()
    bench.registry.delete(batch_id)
    assert two.intake.delete(batch_id).state is State.SUCCEEDED
    with pytest.raises(NotFoundError):
        replay(bench.record, batch_id)


def test_a_record_of_an_older_version_is_read(bench: Bench) -> None:
    """A retry was a list, named by its token; an end told nothing of what never ran."""
    one, _ = bench.apis
    batch_id = one.intake.submit(body())[0].id
    lease = Lease(7, batch_id, "r", bench.claim()[0].range)
    outcome = Outcome(lease.range.first, "succeeded", 1, "w", 1.0)
    bench.record.commit(lease, [outcome], Tally({"succeeded": 1}))
    bench.record.store.put(f"record/{batch_id}/retries/7.json", b"[[0,1]]")
    assert bench.record.outcomes(batch_id, lease.range) == {}
    assert replay(bench.record, batch_id).reopened == 7


@pytest.mark.parametrize("step", ["get", "reserve", "put", "put_new", "retry"])
def test_a_retry_that_is_refused_takes_nothing_back(bench: Bench, step: str) -> None:
    """Two APIs retry at once; the first one's items run again before the second one goes on."""
    one, two = bench.apis
    batch_id = one.intake.submit(body())[0].id
    bench.bad = {1, 2}
    bench.work()
    bench.bad = set()
    answers: list[str] = []

    def other() -> None:
        answers.append(retried(two, batch_id))
        bench.work()

    one.before = once(step, other)
    answers.append(retried(one, batch_id))
    assert sorted(answers) == ["conflict", "done"]
    bench.settle_down()
    batch = two.history.batch(batch_id)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 4)
    lines = [orjson.loads(line) for line in one.history.results(batch_id)]
    assert Counter(line["state"] for line in lines) == {"succeeded": 4}


def retried(api: Api, batch_id: str) -> str:
    try:
        api.intake.retry(batch_id)
    except ConflictError as error:
        return error.code
    return "done"
