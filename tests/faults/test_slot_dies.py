"""A slot ends without a word: its chunk is halved until the one item to blame is alone."""

from collections.abc import Mapping
from pathlib import Path

from rayjobs.errors import StoreUnavailableError, WorkerCrashedError
from rayjobs.model.batch import State
from rayjobs.model.lease import Lease, Tally
from tests.support.system import System


def test_a_poison_item_fails_alone_and_the_batch_completes(whole_farm: System, pictures: Path) -> None:
    crashes: list[int] = []

    def crash_on_seven(raw: Mapping[str, int | str]) -> Tally:
        chunk = Lease.of(raw).range
        if 7 in chunk.indices():
            crashes.append(chunk.count)
            raise WorkerCrashedError("the slot's process ended: test")
        return whole_farm.run_chunk(raw)

    whole_farm.dispatch(crash_on_seven)
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert (batch.state, batch.counts.succeeded, batch.errors_by_code) == (
        State.PARTIAL,
        11,
        {"worker_crashed": 1},
    )
    [poison] = whole_farm.items(batch.id, state="failed")
    assert (poison["index"], poison["error"]["code"]) == (7, "worker_crashed")
    assert poison["attempts"] >= 3
    assert crashes == sorted(crashes, reverse=True)
    assert len(whole_farm.outputs(batch.id)) == 11


def test_one_crash_costs_an_attempt_and_no_item(whole_farm: System, pictures: Path) -> None:
    crashed: list[int] = []

    def crash_once(raw: Mapping[str, int | str]) -> Tally:
        if not crashed:
            crashed.append(1)
            raise WorkerCrashedError("the slot's process ended: test")
        return whole_farm.run_chunk(raw)

    whole_farm.dispatch(crash_once)
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
    assert max(item["attempts"] for item in whole_farm.items(batch.id)) == 2


def test_a_slot_that_died_after_its_commit_is_believed(whole_farm: System, pictures: Path) -> None:
    def commit_then_crash(raw: Mapping[str, int | str]) -> Tally:
        whole_farm.run_chunk(raw)
        raise WorkerCrashedError("the slot's process ended: test")

    whole_farm.dispatch(commit_then_crash)
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
    assert {item["attempts"] for item in whole_farm.items(batch.id)} == {1}


def test_a_store_that_is_away_for_a_moment_costs_no_attempt(whole_farm: System, pictures: Path) -> None:
    refused: list[int] = []

    def away_twice(raw: Mapping[str, int | str]) -> Tally:
        if len(refused) < 2:
            refused.append(1)
            raise StoreUnavailableError("the network file system is away: test")
        return whole_farm.run_chunk(raw)

    whole_farm.dispatch(away_twice)
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert batch.state is State.SUCCEEDED
    assert {item["attempts"] for item in whole_farm.items(batch.id)} == {1}
