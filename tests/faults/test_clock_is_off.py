"""One worker's clock is an hour ahead and the other's an hour behind: leases go by the time of Redis alone.

The clocks are those of Python in real processes (agents, slots, engines), which is all that rayjobs reads.
"""

import multiprocessing
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from rayjobs.adapters.inline_executor import InlineExecutor
from rayjobs.entrypoints.slot import run_chunk
from rayjobs.model.lease import Tally
from rayjobs.settings import Settings
from tests.support.pictures import file_of, picture
from tests.support.skewed_clock import AGENT, HOOK, skew
from tests.support.system import System
from tests.support.waiting import wait_until

HOUR_S = 3600
SLOW = [{"name": "resize", "width": 1100, "height": 800}, {"name": "blur", "radius": 7}]


@pytest.fixture
def farm_settings(farm_settings: Settings) -> Settings:
    """Return settings by which a chunk outlives its lease, unless that is renewed."""
    return farm_settings.model_copy(update={"chunk_floor_ms": 1500, "chunk_cap_ms": 3000})


@pytest.fixture
def source(pictures: Path) -> dict[str, object]:
    for index, path in enumerate(sorted(pictures.iterdir())):
        path.write_bytes(file_of(picture(800, 600, seed=index), "JPEG"))
    return {"type": "folder", "path": str(pictures)}


@contextmanager
def machine(whole: System, skew_s: int) -> Iterator[ProcessPoolExecutor]:
    """Give a slot on a machine with that clock, beside which its agent runs."""
    own = {
        "worker_id": f"w{skew_s:+}",
        "slot_status": Path(whole.settings.store).parent / f"slots{skew_s:+}",
    }
    environment = {
        **whole.settings.model_copy(update=own).as_environment(),
        **HOOK,
        "REDIS_URL": whole.settings.redis_url,
        "SKEW_S": str(skew_s),
    }
    agent = subprocess.Popen([sys.executable, "-c", AGENT, "--slots", "1"], env=os.environ | environment)
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, spawn, initializer=skew, initargs=(environment,)) as slot:
            yield slot
    finally:
        agent.terminate()
        agent.wait()


def taking_turns(slots: list[ProcessPoolExecutor]) -> Callable[[Mapping[str, int | str]], Tally]:
    """Return what runs a chunk on whichever slot is free."""
    idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
    for slot in slots:
        idle.put(slot)

    def elsewhere(raw: Mapping[str, int | str]) -> Tally:
        slot = idle.get()
        try:
            return slot.submit(run_chunk, raw).result()
        finally:
            idle.put(slot)

    return elsewhere


def test_nothing_expires_early_and_all_is_as_ever(whole_farm: System, source: dict[str, object]) -> None:
    with ExitStack() as running:
        machines = [running.enter_context(machine(whole_farm, hours * HOUR_S)) for hours in (1, -1)]
        skews = [slot.submit(time.time).result() - time.time() for slot in machines]
        assert [round(skew_s / HOUR_S) for skew_s in skews] == [1, -1]
        wait_until(lambda: len(whole_farm.registry.workers()) == 2, 30, "both have registered")
        whole_farm.executor = InlineExecutor(taking_turns(machines))
        stop = whole_farm.dispatch()
        batch = whole_farm.finished(whole_farm.submit(source, SLOW), 60)
        beats = [worker.beat_ms / 1000 - time.time() for worker in whole_farm.registry.workers()]
        assert len(beats) == 2, "both were registered to the end"
        assert all(-whole_farm.settings.worker_ttl_s < beat_s < 1 for beat_s in beats)
        stop.set()
        whole_farm.threads.pop().join(10)
    items = whole_farm.items(batch.id)
    assert {item["worker"] for item in items} == {"w+3600", "w-3600"}
    assert {item["attempts"] for item in items} == {1}
    assert whole_farm.registry.queue().stale_settlements == 0
    assert whole_farm.registry.leases() == []
    assert (batch.finished_ms or 0) / 1000 == pytest.approx(time.time(), abs=60)
    whole_farm.executor = None
    whole_farm.dispatch()
    clean = whole_farm.finished(whole_farm.submit(source, SLOW), 60)
    assert batch.counts == clean.counts
    assert batch.counts.succeeded == 12
    assert whole_farm.outputs(batch.id) == whole_farm.outputs(clean.id)
