"""A file of one batch's record is damaged: all other batches go on, and what is wrong is said by name."""

import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import RecordUnreadableError
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.model.batch import State, Verb
from rayjobs.model.lease import Pace, Tally
from rayjobs.record import schema
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.redis_server import RedisServer
from tests.support.system import System, farm
from tests.support.waiting import wait_until
from tests.unit.api.asking import problem_of

Damage = Callable[[bytes], bytes]


def edited(edit: Callable[[dict[str, Any]], object]) -> Damage:
    """Return what changes the first line of a file."""

    def damage(data: bytes) -> bytes:
        first, *rest = data.split(b"\n")
        found = orjson.loads(first)
        edit(found)
        return b"\n".join([orjson.dumps(found), *rest])

    return damage


def _lack(found: dict[str, Any]) -> None:
    for name in ("body_hash", "retries", "total", "busy_ms", "source", "cause", "at_ms"):
        if found.pop(name, None) is not None or name == "at_ms":
            return


def _mistype(found: dict[str, Any]) -> None:
    for name in ("document", "counts", "total", "source", "at_ms"):
        if name in found:
            found[name] = ["of another type"]
            return


DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "truncated": lambda data: data[:20],
    "no JSON": lambda _: b"\x00" * 64,
    "a field is missing": edited(_lack),
    "of another type": edited(_mistype),
    "of a newer form": edited(lambda found: found.update(schema_version=99)),
}


@dataclass(frozen=True)
class Kept:
    """A store with two batches that had ended and two that were under way, of each one to be damaged."""

    store: Path
    ended: str
    open: str
    victims: dict[str, str]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, redis_process: RedisServer) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    settings = Settings(
        namespace=f"kept-{uuid.uuid4().hex[:8]}", store=str(folder / "store"), redis_url=redis_process.url
    )
    with farm(settings, RedisRegistry.connect(settings)) as whole:
        stop = whole.dispatch()
        source = {"type": "samples", "count": 6}
        ended, victim = whole.submit(source), whole.submit(source)
        for batch_id in (ended, victim):
            assert whole.finished(batch_id).state is State.SUCCEEDED
        stop.set()
        whole.threads.pop().join(10)
        under_way = [whole.submit(source), whole.submit(source)]
        leader = whole.registry.lead("test", 60)
        assert leader is not None
        for lease in whole.registry.claim(leader, 2, Pace(), 2):  # one item of each
            whole.registry.settle(lease, whole.slot().run(lease))
        for batch_id in under_way:
            whole.intake.steer(batch_id, Verb.PAUSE)
            whole.intake.steer(batch_id, Verb.RESUME)
        yield Kept(folder / "store", ended, under_way[0], {"ended": victim, "open": under_way[1]})


@pytest.fixture
def lost(kept: Kept, tmp_path: Path, redis_process: RedisServer) -> Iterator[System]:
    """Return a farm with a copy of that store, and a Redis that knows nothing of it."""
    shutil.copytree(kept.store, tmp_path / "store")
    settings = Settings(
        namespace=f"lost-{uuid.uuid4().hex[:8]}", store=str(tmp_path / "store"), redis_url=redis_process.url
    )
    with farm(settings, RedisRegistry.connect(settings)) as whole:
        yield whole


def damaged(whole: System, batch_id: str, name: str, damage: Damage) -> str:
    """Damage the file, or the first of a folder; return its key."""
    root = Path(whole.settings.store)
    path = root / "open" / batch_id if name == "mark" else root / "record" / batch_id / name
    if path.is_dir():
        path = min(path.iterdir())
    path.write_bytes(damage(path.read_bytes()))
    return path.relative_to(root).as_posix()


FILES = ("spec.json", "sealed.json", "closed.json", "items", "results", "log")


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_an_ended_batch_hides_no_other(
    kept: Kept, lost: System, name: str, how: str
) -> None:
    victim = kept.victims["ended"]
    key = damaged(lost, victim, name, DAMAGES[how])
    Recovery(lost.registry, lost.record).restore([])
    page = lost.history.page(limit=9, cursor=None, state=None, label=None)
    assert {batch.id for batch in page.batches} | page.unreadable.keys() == {
        kept.ended,
        kept.open,
        *kept.victims.values(),
    }
    assert page.unreadable.keys() <= {victim}
    with pytest.raises(RecordUnreadableError, match=re.escape(key)) as refusal:
        lost.history.log(victim) if name == "log" else lost.items(victim)
    assert refusal.value.detail.startswith(f"{key}: ")
    assert "; " in refusal.value.detail, "it says what to do"
    assert len(lost.items(kept.ended)) == len(lost.items(kept.open)) == 6


OF_OPEN = [(name, how) for name in ("spec.json", "sealed.json", "results", "log") for how in DAMAGES]


@pytest.mark.parametrize(("name", "how"), [*OF_OPEN, ("mark", "empty"), ("mark", "no JSON")])
def test_a_damaged_file_of_an_open_batch_keeps_no_other_from_being_restored(
    kept: Kept, lost: System, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    victim = kept.victims["open"]
    key = damaged(lost, victim, name, DAMAGES[how])
    recovery = Recovery(lost.registry, lost.record)
    recovery.restore([])
    recovery.check([])
    assert kept.open in lost.registry.unfinished()
    assert lost.registry.get(kept.open).counts.succeeded == 1
    if name == "mark":  # it is there: that is all that it has to say
        assert lost.registry.get(victim).counts.succeeded == 1
    elif name == "log":
        batch = lost.registry.get(victim)
        assert (batch.state, batch.error and batch.error["code"]) == (State.PAUSED, "record_unreadable")
        assert key in str(batch.error)
    else:
        assert victim not in lost.registry.unfinished()
        assert sum(key in line for line in caplog.messages) == 1, "it is said, and said once"


def test_an_ended_batch_with_a_damaged_end_goes_on_once_that_is_removed_as_it_says(
    kept: Kept, lost: System
) -> None:
    victim = kept.victims["ended"]
    key = damaged(lost, victim, "closed.json", DAMAGES["a field is missing"])
    with pytest.raises(RecordUnreadableError, match=r"retries: .*write 0 into open/<batch>"):
        lost.history.batch(victim)
    lost.record.store.delete(key)
    lost.record.store.put(f"open/{victim}", b"0")
    lost.dispatch()
    wait_until(lost.registry.restored, 10, "the registry is restored")
    assert lost.finished(victim).counts.succeeded == 6
    assert lost.finished(kept.open).counts.succeeded == 6


def test_a_commit_file_without_all_its_items_is_found_out(kept: Kept, lost: System) -> None:
    victim = kept.victims["ended"]
    damaged(lost, victim, "results", lambda data: data.partition(b"\n")[0])
    Recovery(lost.registry, lost.record).restore([])
    with pytest.raises(RecordUnreadableError, match="outcomes of 0 items, not of"):
        lost.items(victim)


def test_a_stray_file_among_them_is_named(kept: Kept, lost: System) -> None:
    lost.record.store.put(f"record/{kept.victims['ended']}/results/notes.txt", b"mine")
    with pytest.raises(RecordUnreadableError, match=r"notes\.txt: its name is not one of ours"):
        lost.items(kept.victims["ended"])


def test_a_client_is_told_which_file_it_is_and_what_to_do(kept: Kept, lost: System) -> None:
    victim = kept.victims["ended"]
    key = damaged(lost, victim, "closed.json", DAMAGES["a field is missing"])
    Recovery(lost.registry, lost.record).restore([])
    with TestClient(create_app(lost.settings, lost.registry), raise_server_exceptions=False) as client:
        listed = client.get("/batches")
        assert (listed.status_code, len(listed.json()["batches"])) == (200, 3)
        [unreadable] = listed.json()["unreadable"]
        assert (unreadable["id"], unreadable["detail"].startswith(key)) == (victim, True)
        problem = problem_of(client.get(f"/batches/{victim}"), 500, "record_unreadable")
        assert problem.detail == unreadable["detail"]


def test_items_that_can_not_be_read_pause_their_batch_until_they_are_mended(kept: Kept, lost: System) -> None:
    victim = kept.victims["open"]
    path = Path(lost.settings.store) / "record" / victim / "items" / "0.jsonl"
    whole = path.read_bytes()
    damaged(lost, victim, "items", DAMAGES["truncated"])
    lost.dispatch()
    wait_until(lost.registry.restored, 10, "the registry is restored")
    assert lost.finished(kept.open).counts.succeeded == 6
    wait_until(lambda: lost.registry.get(victim).state is State.PAUSED, 10, "the batch is paused")
    error = lost.registry.get(victim).error
    assert error is not None
    assert (error["code"], "items/0.jsonl" in error["detail"]) == ("record_unreadable", True)
    wait_until(lambda: lost.registry.leases() == [], 10, "what was begun is given back")
    path.write_bytes(whole)
    lost.intake.steer(victim, Verb.RESUME)
    batch = lost.finished(victim)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 6)
    assert {item["attempts"] for item in lost.items(victim)} == {1}


def test_a_purge_ends_a_batch_that_can_not_be_read_too(kept: Kept, lost: System) -> None:
    victim = kept.victims["open"]
    damaged(lost, victim, "spec.json", DAMAGES["empty"])
    Recovery(lost.registry, lost.record).restore([])
    lost.intake.purge("cancel")
    assert lost.history.batch(kept.open).state is State.CANCELLED
    assert lost.record.marked() == []


def test_a_worker_older_than_the_record_gives_back_what_a_newer_one_then_does(
    kept: Kept, lost: System
) -> None:
    """As while a new version is rolled out; the batch is not paused, and no attempt is lost."""
    older: list[object] = []

    def each_other(raw: Mapping[str, int | str]) -> Tally:
        if len(older) < 3:
            older.append(raw)
            schema.SPEC.read("record/b/spec.json", b'{"schema_version": 99}')
        return lost.run_chunk(raw)

    lost.dispatch(each_other)
    wait_until(lost.registry.restored, 10, "the registry is restored")
    assert lost.finished(kept.open).state is State.SUCCEEDED
    assert len(older) == 3
    assert {item["attempts"] for item in lost.items(kept.open)} == {1}
    assert lost.history.batch(kept.open).error is None
