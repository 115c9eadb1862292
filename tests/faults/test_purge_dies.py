"""A purge is no loss: what it ends stays ended, also where it dies half way or results come late."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from rayjobs.errors import ConflictError
from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Tally
from tests.support.system import System
from tests.support.waiting import wait_until


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_: object) -> NoReturn:
    raise Killed


@pytest.fixture
def batch_id(whole_farm: System, pictures: Path) -> str:
    return whole_farm.submit({"type": "paths", "paths": [str(p) for p in sorted(pictures.iterdir())]})


def before_the_new_run(whole: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.registry, "purge", killed)


def before_old_keys_are_deleted(whole: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.registry, "sweep", killed)


def before_batches_are_tombstoned(whole: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.record, "close", killed)


def before_its_end_is_written(whole: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.record, "end_purge", killed)


@pytest.mark.parametrize(
    "death",
    [
        before_the_new_run,
        before_old_keys_are_deleted,
        before_batches_are_tombstoned,
        before_its_end_is_written,
    ],
)
def test_a_purge_that_dies_is_finished_by_the_next_start(
    whole_farm: System,
    batch_id: str,
    death: Callable[[System, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = whole_farm.registry.run_id()
    with monkeypatch.context() as dying:
        death(whole_farm, dying)
        with pytest.raises(Killed):
            whole_farm.intake.purge("cancel")
    whole_farm.dispatch()
    wait_until(whole_farm.registry.restored, 10, "the next dispatcher has restored the run")
    assert whole_farm.registry.run_id() != before
    assert whole_farm.record.purge() is None
    assert whole_farm.registry.unfinished() == []
    assert whole_farm.registry.sweep() == 0, "nothing of the old run is left"
    assert whole_farm.history.batch(batch_id).state is State.CANCELLED
    assert whole_farm.outputs(batch_id) == {}


def test_results_of_an_old_run_are_refused_and_counted(whole_farm: System, pictures: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    def late(raw: Mapping[str, int | str]) -> Tally:
        started.set()
        assert go_on.wait(20)
        return whole_farm.run_chunk(raw)

    whole_farm.dispatch(late)
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    wait_until(started.is_set, 10, "a chunk is in hand")
    with pytest.raises(ConflictError):
        whole_farm.intake.purge("refuse")
    assert whole_farm.intake.purge("cancel")["cancelled_batches"] == 1
    go_on.set()
    wait_until(lambda: whole_farm.registry.queue().stale_settlements > 0, 20, "a late result was refused")
    counts = whole_farm.history.batch(batch_id).counts
    assert (counts.cancelled, counts.total) == (12, 12)
    assert {item["state"] for item in whole_farm.items(batch_id)} == {"cancelled"}
    queue = whole_farm.registry.queue()
    assert (queue.pending, queue.in_flight, queue.leases) == (0, 0, 0)


def test_a_purge_in_mid_run_leaves_all_the_variants_of_a_picture_or_none(
    whole_farm: System, pictures: Path
) -> None:
    go_on, begun, ended = threading.Event(), list[object](), list[object]()

    def late(raw: Mapping[str, int | str]) -> Tally:
        begun.append(raw)
        if Lease.of(raw).range.end > 6:
            assert go_on.wait(20)
        try:
            return whole_farm.run_chunk(raw)
        finally:
            ended.append(raw)

    source = {"type": "folder", "path": str(pictures)}
    variants = [{"name": "small"}, {"name": "gray", "pipeline": [{"name": "grayscale"}]}]
    whole_farm.dispatch(late)
    purged, is_done = whole_farm.submit(source, variants=variants), {"succeeded", "running"}
    wait_until(
        lambda: {one["state"] for one in whole_farm.items(purged)[:8]} == is_done, 10, "it is half done"
    )
    wait_until(lambda: whole_farm.registry.get(purged).counts.succeeded >= 4, 10, "what may end has ended")
    assert whole_farm.intake.purge("cancel")["cancelled_batches"] == 1
    go_on.set()
    wait_until(lambda: whole_farm.registry.queue().stale_settlements > 0, 20, "a late result was refused")
    batch, items = whole_farm.history.batch(purged), whole_farm.items(purged)
    assert (batch.state, {one["state"] for one in items}) == (State.CANCELLED, {"succeeded", "cancelled"})
    done = [one for one in items if one["state"] == "succeeded"]
    assert batch.counts.succeeded == len(done)
    again = whole_farm.submit(source, variants=variants)
    assert whole_farm.finished(again).counts.succeeded == 12
    wait_until(lambda: len(begun) == len(ended), 10, "what came late is written, too")
    before, after = whole_farm.outputs(purged), whole_farm.outputs(again)
    for one in done:
        names = [each["name"] for each in one["outputs"].values()]
        assert [before[name] for name in names] == [after[name] for name in names]
        assert len(names) == 2
    assert before.items() <= after.items(), "what came late is no other"


def test_what_had_ended_before_a_purge_stays_listed(whole_farm: System, pictures: Path) -> None:
    whole_farm.dispatch()
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    whole_farm.finished(batch_id)
    whole_farm.intake.purge("refuse")
    wait_until(whole_farm.registry.restored, 10, "the new run knows the record")
    page = whole_farm.history.page(limit=9, cursor=None, state=State.SUCCEEDED, label=None)
    assert [batch.id for batch in page.batches] == [batch_id]
    assert len(whole_farm.items(batch_id)) == 12
