"""A purge is no loss: what it ends stays ended, also where it dies half way or results come late."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from rayjobs.batch import State
from rayjobs.errors import ConflictError
from rayjobs.lease import Tally
from tests.support.farm import Farm
from tests.support.waiting import wait_until


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_: object) -> NoReturn:
    raise Killed


@pytest.fixture
def batch_id(whole_farm: Farm, pictures: Path) -> str:
    return whole_farm.submit({"type": "paths", "paths": [str(p) for p in sorted(pictures.iterdir())]})


def before_the_new_run(whole: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.registry, "purge", killed)


def before_old_keys_are_deleted(whole: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.registry, "sweep", killed)


def before_batches_are_tombstoned(whole: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.record, "close", killed)


def before_its_end_is_written(whole: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
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
    whole_farm: Farm,
    batch_id: str,
    death: Callable[[Farm, pytest.MonkeyPatch], None],
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


def test_results_of_an_old_run_are_refused_and_counted(whole_farm: Farm, pictures: Path) -> None:
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


def test_what_had_ended_before_a_purge_stays_listed(whole_farm: Farm, pictures: Path) -> None:
    whole_farm.dispatch()
    batch_id = whole_farm.submit({"type": "folder", "path": str(pictures)})
    whole_farm.finished(batch_id)
    whole_farm.intake.purge("refuse")
    wait_until(whole_farm.registry.restored, 10, "the new run knows the record")
    page = whole_farm.history.page(limit=9, cursor=None, state=State.SUCCEEDED, label=None)
    assert [batch.id for batch in page.batches] == [batch_id]
    assert len(whole_farm.items(batch_id)) == 12
