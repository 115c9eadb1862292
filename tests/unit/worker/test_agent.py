"""The agent registers its worker by heartbeats, and notices a purge by itself."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.slot_status import SlotStatusReader, SlotStatusWriter
from rayjobs.errors import RegistryUnavailableError
from rayjobs.model.worker import InHand
from rayjobs.settings import Settings
from rayjobs.worker.agent import Agent
from tests.support.failing import fail_on
from tests.support.waiting import wait_until


@pytest.fixture
def settings(farm_settings: Settings, tmp_path: Path) -> Settings:
    return farm_settings.model_copy(
        update={
            "worker_id": "w7",
            "slot_status": tmp_path / "slots",
            "heartbeat_s": 60.0,
            "worker_ttl_s": 60.0,
        }
    )


@pytest.fixture
def registry(settings: Settings) -> MemoryRegistry:
    return MemoryRegistry(settings)


@pytest.fixture
def agent(registry: MemoryRegistry, settings: Settings) -> Agent:
    return Agent(registry, settings, slots=2, capabilities={"filters": ["blur"]})


def test_the_first_look_registers_the_worker(agent: Agent, registry: MemoryRegistry) -> None:
    agent.look()
    [worker] = registry.workers()
    assert (worker.id, worker.slots, worker.busy_slots, worker.items_done) == ("w7", 2, 0, 0)
    assert worker.capabilities == {"filters": ["blur"]}
    assert "libvips" in worker.engine_versions


def test_a_purge_is_answered_at_the_next_look(agent: Agent, registry: MemoryRegistry) -> None:
    agent.look()
    registry.purge()
    assert registry.workers() == []
    agent.look()
    assert [worker.id for worker in registry.workers()] == ["w7"]


def test_what_slots_have_in_hand_and_have_done_is_received(
    agent: Agent, registry: MemoryRegistry, settings: Settings
) -> None:
    status_writer = SlotStatusWriter(settings.slot_status_folder, os.getpid())
    for index in (3, 4):
        status_writer.take("b_1", index)
        status_writer.done()
    status_writer.take("b_1", 5)
    agent.look()
    [worker] = registry.workers()
    assert worker.in_hand == (InHand("b_1", 5),)
    assert (worker.items_done, worker.busy_slots) == (2, 1)
    assert worker.rss_bytes > 10**6


def test_the_engine_process_of_a_slot_counts_with_it(
    agent: Agent, registry: MemoryRegistry, settings: Settings
) -> None:
    holds_much = "import sys; much = bytearray(b'x' * 10**8); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holds_much], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        for engine_pid in (0, engine.pid):
            SlotStatusWriter(settings.slot_status_folder, os.getpid(), engine_pid)
        agent.look()
        [worker] = registry.workers()
        assert worker.rss_bytes > 10**8 + psutil.Process().memory_info().rss / 2
        engine.communicate()


def test_a_slot_that_ended_is_forgotten_but_its_work_is_not(
    agent: Agent, registry: MemoryRegistry, settings: Settings
) -> None:
    gone = 2**22 - 1  # above every pid of this machine
    status_writer = SlotStatusWriter(settings.slot_status_folder, gone)
    status_writer.take("b_1", 0)
    agent.look()
    [worker] = registry.workers()
    assert worker.in_hand == ()
    assert list(SlotStatusReader(settings.slot_status_folder).statuses()) == []


def test_a_worker_that_is_asked_to_drain_says_so_before_its_slots_refuse_anything(
    agent: Agent, registry: MemoryRegistry, settings: Settings
) -> None:
    agent.look()
    registry.drain("w7")
    agent.look()
    [worker] = registry.workers()
    mark = DrainMark(settings.slot_status_folder)
    assert (worker.draining, mark.holds()) == (True, False)
    agent.look()
    assert mark.holds()
    registry.purge()
    agent.look()
    assert registry.workers()[0].draining, "a new run changes nothing"
    started_again = Agent(registry, settings, slots=2, capabilities={})
    started_again.look()
    assert registry.workers()[0].draining


def test_a_worker_that_is_ended_waits_for_what_it_has_in_hand(
    agent: Agent, registry: MemoryRegistry, settings: Settings
) -> None:
    status_writer, mark = (
        SlotStatusWriter(settings.slot_status_folder, os.getpid()),
        DrainMark(settings.slot_status_folder),
    )
    status_writer.take("b_1", 5)
    stop = threading.Event()
    leaving = threading.Thread(target=agent.run, args=(stop,))
    leaving.start()
    stop.set()
    wait_until(mark.holds, 2, "the drain mark is set")
    # The agent sets the mark before it sends the heartbeat.
    wait_until(lambda: [worker.draining for worker in registry.workers()] == [True], 2, "the drain shows")
    status_writer.rest()
    leaving.join(3)
    assert not leaving.is_alive()
    assert registry.workers() == []
    assert not mark.holds(), "a worker that is started again takes chunks"


def test_a_heartbeat_without_an_answer_is_repeated_at_the_next_look(settings: Settings) -> None:
    registry = MemoryRegistry(settings)
    agent = Agent(fail_on(registry, "beat", nth=1), settings, slots=2, capabilities={})
    with pytest.raises(RegistryUnavailableError):
        agent.look()
    agent.look()
    assert [worker.id for worker in registry.workers()] == ["w7"]
