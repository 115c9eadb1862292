"""The slot of a process: built once, at the first need, and only for a worker that does not drain."""

import os
from pathlib import Path

import pytest

from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.engine.attempt import Inline
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.process import supervisor
from rayjobs.engine.process.supervisor import engine_supervisor
from rayjobs.entrypoints import slot
from rayjobs.entrypoints.slot import Slot, engine_of
from rayjobs.errors import EngineUnavailableError, SettingsError
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.settings import Settings

LEASE = Lease(7, "b_1", "r_1", Range(3, 4, attempt=2))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RAYJOBS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("RAYJOBS_ENGINE", "inline")
    return Settings.read()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slot, "_of_this_process", None)


@pytest.mark.usefixtures("settings")
def test_a_process_has_one_slot_with_one_runner() -> None:
    assert slot.warm() == os.getpid()
    here = Slot.of_this_process()
    assert here is Slot.of_this_process()
    assert here.ready() is here.ready()


def test_a_draining_worker_gives_the_chunk_back_and_starts_no_engine(settings: Settings) -> None:
    DrainMark(settings.slot_status_folder).put()
    assert slot.run_chunk(LEASE.as_json()) == Tally(again=(LEASE.range,))
    assert list(settings.slot_status_folder.glob("*.slot")) == []


def test_a_setting_that_can_not_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYJOBS_ITEM_DEADLINE_S", "soon")
    with pytest.raises(SettingsError, match="RAYJOBS_ITEM_DEADLINE_S='soon'"):
        slot.warm()


def test_without_fork_a_slot_renders_by_itself_and_a_supervisor_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (supervisor, slot):
        monkeypatch.setattr(module, "CAN_FORK", False)
    settings = settings.model_copy(update={"engine": "process"})
    assert isinstance(engine_of(settings, MemoryStore(), 42), Inline)
    with pytest.raises(EngineUnavailableError, match="can't fork"):
        engine_supervisor(settings, 42, "outputs/.parts/x", store=MemoryStore())
