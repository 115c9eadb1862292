"""Each call to registry and store fails in turn, undone or done but not answered: the batch ends as ever."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.dispatcher import loop
from rayjobs.errors import BackendError, StoreUnavailableError
from rayjobs.model.batch import Batch, State
from rayjobs.model.lease import Tally
from rayjobs.ports import Registry, Store
from rayjobs.record import idempotency
from rayjobs.record.layout import Record
from rayjobs.service.queries import Queries
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings
from tests.support.failing import When, calls_of, calm, fail_on
from tests.support.system import THUMB, System
from tests.support.waiting import wait_until

OF_REGISTRY = [
    *(
        "claim",
        "close",
        "closable",
        "enlist",
        "expanding",
        "extend",
        "get",
        "known",
        "lead",
        "leases",
        "moves",
    ),
    *("overdue", "renew", "restore", "restored", "seal", "settle", "submit", "sweep"),
    *("unfinished", "wait", "workers"),
]
OF_STORE = ["delete", "get", "names", "put", "put_new"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, farm_settings: Settings) -> None:
    del farm_settings  # asked for to come after it: a sweep of all calls has to look round more often still
    monkeypatch.setattr(loop, "_BACK_OFF_S", 0.02)
    monkeypatch.setattr(loop, "_TICK_S", 0.05)
    monkeypatch.setattr(loop, "_CHECK_S", 0.2)
    monkeypatch.setattr(idempotency, "_GRACE_S", 0.5)
    monkeypatch.setattr(idempotency, "_WAIT_S", 0.2)


def farm_on(settings: Settings, registry: Registry, store: Store) -> System:
    whole = System(settings.model_copy(update={"lease_s": 0.3}), registry)
    whole.record = Record(store)
    whole.intake = Submissions(registry, whole.record, whole.settings)
    whole.history = Queries(registry, whole.record)
    return whole


def patiently(whole: System, pictures: Path) -> Batch:
    """Submit as a client does that comes back with its key, and wait for the end."""
    body = {"source": {"type": "folder", "path": str(pictures)}, "pipeline": THUMB}
    found: list[Batch] = []

    def submitted() -> bool:
        try:
            found.append(whole.intake.submit(body, idempotency_key="k")[0])
        except BackendError:
            return False
        return True

    def ended() -> bool:
        try:
            return whole.history.batch(found[0].id).finished_ms is not None
        except BackendError:
            return False

    wait_until(submitted, 10, "the submission is taken")
    wait_until(ended, 20, "the batch has ended")
    return whole.history.batch(found[0].id)


def run(settings: Settings, pictures: Path, what: str, registry: Registry, store: Store) -> None:
    """Run a batch to its end; on its way, the registry loses everything."""
    whole = farm_on(settings, registry, store)
    memory, blobs = calm(registry), calm(store)
    assert isinstance(memory, MemoryRegistry)
    begun: list[object] = []

    def run_chunk(raw: Mapping[str, int | str]) -> Tally:
        begun.append(raw)
        if len(begun) == 4:
            memory.lose()
        return whole.run_chunk(raw)

    whole.dispatch(run_chunk)
    try:
        batch = patiently(whole, pictures)
        history = Queries(memory, Record(blobs))
        assert (batch.state, batch.counts.succeeded, batch.counts.total) == (State.SUCCEEDED, 12, 12), what
        items = history.items(batch.id, state=None, code=None, cursor=None, limit=99)["items"]
        assert [item["state"] for item in items] == ["succeeded"] * 12, what
        wait_until(lambda: not memory.leases(), 5, f"{what}: no lease is left")
        assert whole.ended == [], what
        assert len(history.page(limit=9, cursor=None, state=None, label=None).batches) == 1, what
    finally:
        whole.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", OF_REGISTRY)
def test_of_the_registry(method: str, when: When, farm_settings: Settings, pictures: Path) -> None:
    for nth in (1, 2, 4):
        registry = fail_on(MemoryRegistry(farm_settings), method, nth=nth, when=when)
        run(farm_settings, pictures, f"{when} {method} {nth}", registry, MemoryStore())
        assert calls_of(registry)[method] > 0, "it is asked at all"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", OF_STORE)
def test_of_the_store(method: str, when: When, farm_settings: Settings, pictures: Path) -> None:
    away = StoreUnavailableError("the store is away: test")
    for nth in (1, 2, 3, 5, 8, 13):
        store = fail_on(MemoryStore(), method, nth=nth, when=when, error=away)
        run(farm_settings, pictures, f"{when} {method} {nth}", MemoryRegistry(farm_settings), store)
        assert calls_of(store)[method] > 0, "it is asked at all"
