"""A worker is asked to drain in mid-chunk: the item in hand ends, the rest of the chunk waits as it was."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rayjobs.engine.drain import DrainMark
from rayjobs.model.batch import State
from rayjobs.model.lease import Pace, Tally
from rayjobs.settings import Settings
from tests.support.broken_decoder import HOOK, broken
from tests.support.engines import engines
from tests.support.system import System
from tests.support.waiting import wait_until

ALL = Pace(floor_ms=10**9, cap_ms=10**9)


@pytest.fixture
def farm_settings(farm_settings: Settings) -> Settings:
    return farm_settings.model_copy(update={"lease_s": 60.0})


@pytest.fixture
def slow(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return a source of twelve pictures that take a third of a second each."""
    for name, value in HOOK.items():
        monkeypatch.setenv(name, value)
    for path in pictures.iterdir():
        path.write_bytes(broken(path.read_bytes(), "wait 0.3"))
    return {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())]}


def test_a_chunk_that_runs_is_given_back_from_the_next_item_on(
    whole_farm: System, slow: dict[str, object]
) -> None:
    batch_id = whole_farm.submit(slow)
    leader = whole_farm.registry.lead("test", 60)
    assert leader is not None
    [first] = whole_farm.registry.claim(leader, 1, ALL, 1)
    mark, results = DrainMark(whole_farm.settings.slot_status_folder), list[Tally]()
    with engines(whole_farm) as own:
        whole_farm.registry.settle(first, own.run_chunk(first.as_json()))
        [large] = whole_farm.registry.claim(leader, 1, ALL, 1)
        assert large.range.count == 11
        running = _in_thread(lambda: results.append(own.run_chunk(large.as_json())))
        wait_until(lambda: _outputs(whole_farm, batch_id) > 2, 30, "the chunk is under way")
        mark.put()
        told_at = time.monotonic()
        running.join(20)
        assert time.monotonic() - told_at < 5
        [partial] = results
        assert 0 < partial.ended < large.range.count
        [rest] = partial.again
        assert (rest.end, rest.attempt) == (large.range.end, 1)
        assert whole_farm.record.outcomes(batch_id, large.range).keys() == set(
            range(large.range.first, rest.first)
        )
        whole_farm.registry.settle(large, partial)
        whole_farm.registry.resign("test")
        mark.lift()
        whole_farm.dispatch(own.run_chunk)
        batch = whole_farm.finished(batch_id)
        assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)
        assert {item["attempts"] for item in whole_farm.items(batch_id)} == {1}
        again = whole_farm.finished(whole_farm.submit(slow))
        assert whole_farm.outputs(again.id) == whole_farm.outputs(batch_id)


def _outputs(farm: System, batch_id: str) -> int:
    return len(list((Path(farm.settings.store) / "outputs" / batch_id).glob("*")))


def _in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
