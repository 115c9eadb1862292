"""A purge meets another one, or a batch's own end: the first has the word, and what it wrote stays."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import ConflictError, RegistryBehindError
from rayjobs.lifecycle import reaper
from rayjobs.model.batch import State, Verb
from rayjobs.ports import Retry
from rayjobs.settings import Settings
from tests.support.desk import Bench, once
from tests.support.redis_server import RedisServer

BODY = {"source": {"type": "samples", "count": 4}, "pipeline": [{"name": "thumbnail", "size": 8}]}


@pytest.fixture
def bench(redis_process: RedisServer, tmp_path: Path) -> Bench:
    with redis_process.client as client:
        client.flushall()
    settings = Settings(redis_url=redis_process.url, store=str(tmp_path), heartbeat_s=0.1)
    return Bench(RedisRegistry.connect(settings), FileStore(str(tmp_path)), settings)


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all purges begin in the same millisecond."""
    at_ns = time.time_ns()
    monkeypatch.setattr("rayjobs.lifecycle.purge.time.time_ns", lambda: at_ns)


@pytest.mark.usefixtures("one_moment")
@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("before", ["nothing", "a retry"])
def test_two_purges_end_a_batch_once(bench: Bench, tmp_path: Path, number: int, before: str) -> None:
    """The second comes before each step of the first; a chunk is committed in between."""
    one, two = bench.apis
    batch_id = one.intake.submit(BODY)[0].id
    if before == "a retry":
        bench.bad = {0, 1}
        bench.work()
        one.intake.retry(batch_id)
    bench.claim()
    seen: list[tuple[dict[Path, bytes], int]] = []

    def second() -> None:
        ended = two.intake.purge("cancel")["cancelled_batches"]
        seen.append((ends(tmp_path, batch_id), ended))
        for lease in bench.held:
            bench.commit(lease)

    begun = len(one.steps)
    one.before = lambda _, step: second() if step == begun + number and not seen else None
    first = one.intake.purge("cancel")["cancelled_batches"]
    assert seen, "the second purge has come in between"
    written, ended = seen[0]
    assert (ends(tmp_path, batch_id), first + ended) == (written, 1)
    bench.settle_down()
    batch = one.history.batch(batch_id)
    states = Counter(orjson.loads(line)["state"] for line in one.history.results(batch_id))
    assert (batch.state, ends(tmp_path, batch_id)) == (State.CANCELLED, written)
    for state, count in states.items():
        assert getattr(batch.counts, state) == count
    moves = [move for move in bench.record.moves(batch_id) if move.cause == "purge"]
    assert [move.state for move in moves] == [State.CANCELLED]
    assert bench.record.purge() is None


def ends(root: Path, batch_id: str) -> dict[Path, bytes]:
    """Return each file that says how a batch ended."""
    folder = root / "record" / batch_id
    return {path: path.read_bytes() for path in [*folder.glob("closed.json"), *folder.glob("ends/*")]}


def test_an_end_that_is_written_behind_a_purge_is_that_of_the_purge(bench: Bench, tmp_path: Path) -> None:
    """The dispatcher has looked at the batch before the purge, and writes its end behind it."""
    one, _ = bench.apis
    batch_id = one.intake.submit(BODY)[0].id
    while bench.claim():
        bench.finish_held()
    real, written = bench.record.close, list[dict[Path, bytes]]()

    def late(batch: str, closing: dict[str, object]) -> dict[str, object]:
        one.intake.purge("cancel")
        written.append(ends(tmp_path, batch_id))
        return real(batch, closing)

    bench.record.close = late  # type: ignore[method-assign, assignment]
    reaper.close(batch_id, bench.registry, bench.record)
    assert written == [ends(tmp_path, batch_id)]
    bench.settle_down()
    assert one.history.batch(batch_id).state is State.CANCELLED


def test_a_purge_that_refuses_looks_at_the_record_while_the_registry_is_behind(bench: Bench) -> None:
    one, _ = bench.apis
    one.intake.submit(BODY)
    bench.registry.purge()
    with pytest.raises(ConflictError):
        one.intake.purge("refuse")


VERBS: dict[str, Callable[[Bench, str], object]] = {
    "pause": lambda bench, batch: bench.registry.steer(batch, Verb.PAUSE, "me", whole=True),
    "reserve": lambda bench, batch: bench.registry.reserve(batch),
    "retry": lambda bench, batch: bench.registry.retry(batch, Retry([]), "me"),
    "delete": lambda bench, batch: bench.registry.delete(batch),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_refused_while_the_run_is_not_restored(bench: Bench, verb: str) -> None:
    bench.registry.purge()
    with pytest.raises(RegistryBehindError):
        VERBS[verb](bench, "b_1")


def test_a_verb_behind_whose_look_redis_is_lost_is_refused_and_changes_nothing(bench: Bench) -> None:
    one, _ = bench.apis
    batch_id = one.intake.submit(BODY)[0].id
    one.before = once("steer", bench.registry.purge)
    with pytest.raises(RegistryBehindError):
        one.intake.steer(batch_id, Verb.PAUSE)
    bench.settle_down()
    assert one.history.batch(batch_id).state is State.SUCCEEDED
