"""A decoder crashes, hangs or eats memory, in real processes: one known item ends, no neighbour notices."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from rayjobs.engine.slot_status import SlotStatusReader
from rayjobs.model.batch import Batch
from rayjobs.model.lease import Tally
from rayjobs.settings import Settings
from tests.support.broken_decoder import HOOK, broken
from tests.support.engines import Engines, engines
from tests.support.pictures import file_of, picture
from tests.support.system import System
from tests.support.waiting import wait_until

SLOW: list[dict[str, Any]] = [
    {"name": "resize", "width": 1500, "height": 1100},
    {"name": "blur", "radius": 9},
]
MIB = 2**20
Items = dict[int, tuple[str, str | None, str | None]]


@pytest.fixture
def farm_settings(farm_settings: Settings) -> Settings:
    changes = {
        "item_deadline_s": 5.0,
        "engine_memory_bytes": 1000 * MIB,
        "engine_large_memory_bytes": 3000 * MIB,
    }
    return farm_settings.model_copy(update={**changes, "chunk_floor_ms": 300, "chunk_cap_ms": 1000})


@pytest.fixture
def own(whole_farm: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engines]:
    for name, value in HOOK.items():
        monkeypatch.setenv(name, value)
    with engines(whole_farm) as own:
        yield own


def items(farm: System, batch_id: str) -> Items:
    """Return index -> state, code and hash of the output's bytes, as they are on the disk."""
    found: Items = {}
    for item in farm.items(batch_id):
        output = item.get("output")
        data = farm.outputs(batch_id)[output["name"]] if output else None
        sha256 = hashlib.sha256(data).hexdigest() if data is not None else None
        assert output is None or output["sha256"] == sha256
        found[item["index"]] = (item["state"], item.get("error", {}).get("code"), sha256)
    return found


def clean_run(farm: System, pictures: Path, pipeline: list[dict[str, Any]]) -> Items:
    """Return what becomes of the same pictures in this process, where no decoder is broken."""
    stop = farm.dispatch()
    batch = farm.finished(farm.submit({"type": "folder", "path": str(pictures)}, pipeline))
    stop.set()
    farm.threads.pop().join(10)
    assert batch.counts.succeeded == batch.counts.total
    return items(farm, batch.id)


def run(
    farm: System,
    own: Engines,
    pictures: Path,
    pipeline: list[dict[str, Any]],
    harm: Callable[[str], None] = lambda _: None,
) -> tuple[Batch, Items]:
    farm.dispatch(own.run_chunk)
    batch_id = farm.submit({"type": "folder", "path": str(pictures)}, pipeline)
    harm(batch_id)
    batch = farm.finished(batch_id, 60)
    assert farm.registry.queue().leases == 0
    return batch, items(farm, batch_id)


def poisoned(pictures: Path, how: str) -> None:
    (pictures / "p07.jpg").write_bytes(broken((pictures / "p07.jpg").read_bytes(), how))


@pytest.mark.parametrize(
    ("how", "code", "attempts"),
    [("crash", "worker_crashed", 3), ("hang", "deadline", 1), ("abort", "worker_oom", 2)],
)
def test_only_the_picture_to_blame_fails(
    whole_farm: System, own: Engines, pictures: Path, how: str, code: str, attempts: int
) -> None:
    poisoned(pictures, how)
    clean = clean_run(whole_farm, pictures, [{"name": "edges"}])
    batch, faulted = run(whole_farm, own, pictures, [{"name": "edges"}])
    assert (batch.counts.succeeded, batch.counts.failed, batch.errors_by_code) == (11, 1, {code: 1})
    assert faulted == clean | {7: ("failed", code, None)}
    tried = {item["index"]: item["attempts"] for item in whole_farm.items(batch.id)}
    assert tried == dict.fromkeys(range(12), 1) | {7: attempts}


@pytest.mark.parametrize(
    ("how", "detail"),
    [("crash", "ended by SIGSEGV"), ("eat 9000", "were not enough either")],
)
def test_the_variant_that_took_the_process_along_is_named(
    whole_farm: System, own: Engines, pictures: Path, how: str, detail: str
) -> None:
    (pictures / "p07.jpg").write_bytes(broken((pictures / "p07.jpg").read_bytes(), f"webp {how}"))
    variants = [{"name": "good"}, {"name": "bad", "output": {"format": "webp"}}, {"name": "last"}]
    whole_farm.dispatch(own.run_chunk)
    source = {"type": "paths", "paths": [str(pictures / "p07.jpg")]}
    batch = whole_farm.finished(whole_farm.submit(source, [], variants=variants, max_attempts=2))
    [item] = whole_farm.items(batch.id)
    assert item["error"]["detail"].startswith("variant 'bad': ")
    assert detail in item["error"]["detail"]


def test_a_picture_that_is_too_large_is_tried_once_more_with_more_memory(
    whole_farm: System, own: Engines, pictures: Path
) -> None:
    poisoned(pictures, "eat 1500")
    clean = clean_run(whole_farm, pictures, [{"name": "edges"}])
    batch, faulted = run(whole_farm, own, pictures, [{"name": "edges"}])
    assert faulted == clean
    assert {item["index"] for item in whole_farm.items(batch.id) if item["attempts"] == 2} == {7}


def test_a_picture_that_is_too_large_for_the_large_lane_names_its_limit(
    whole_farm: System, own: Engines, pictures: Path
) -> None:
    poisoned(pictures, "eat 5000")
    clean = clean_run(whole_farm, pictures, [{"name": "edges"}])
    batch, faulted = run(whole_farm, own, pictures, [{"name": "edges"}])
    assert faulted == clean | {7: ("failed", "worker_oom", None)}
    [item] = whole_farm.items(batch.id, state="failed")
    assert (item["error"]["limit"], item["attempts"]) == (3000 * MIB, 2)


@pytest.fixture
def many(pictures: Path) -> Path:
    for index in range(12):
        (pictures / f"p{index:02d}.jpg").write_bytes(file_of(picture(800, 600, seed=index), "JPEG"))
    return pictures


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_an_engine_process_that_is_killed_or_stopped_costs_one_item_one_attempt(
    whole_farm: System, own: Engines, many: Path, harm: signal.Signals
) -> None:
    clean = clean_run(whole_farm, many, SLOW)

    def in_the_middle(batch_id: str) -> None:
        wait_until(
            lambda: whole_farm.registry.get(batch_id).counts.succeeded >= 1, 30, "the batch is on its way"
        )
        wait_until(own.pids, 40, "an engine process has an item in hand")
        os.kill(own.pids()[0], harm)

    batch, faulted = run(whole_farm, own, many, SLOW, in_the_middle)
    assert faulted == clean
    assert sorted(item["attempts"] for item in whole_farm.items(batch.id))[:-1] == [1] * 11


def test_an_engine_process_that_is_told_to_leave_finishes_its_item_and_costs_no_attempt(
    whole_farm: System, own: Engines, many: Path
) -> None:
    clean = clean_run(whole_farm, many, SLOW)

    def told(_: str) -> None:
        wait_until(own.pids, 40, "an engine process has an item in hand")
        os.kill(own.pids()[0], signal.SIGTERM)

    batch, faulted = run(whole_farm, own, many, SLOW, told)
    assert faulted == clean
    assert {item["attempts"] for item in whole_farm.items(batch.id)} == {1}


def test_the_nursery_is_killed(whole_farm: System, own: Engines, many: Path) -> None:
    clean = clean_run(whole_farm, many, SLOW)

    def killed(_: str) -> None:
        wait_until(own.pids, 40, "an engine process has an item in hand")
        engine = psutil.Process(own.pids()[0])
        nursery = engine.parent()
        assert nursery is not None
        nursery.kill()
        wait_until(lambda: not engine.is_running(), 5, "the engine ends with its nursery")

    _, faulted = run(whole_farm, own, many, SLOW, killed)
    assert faulted == clean


@pytest.mark.parametrize(
    "limit", [{"engine_most_items": 3}, {"engine_most_rss_bytes": 1}], ids=["items", "memory"]
)
def test_an_engine_process_that_has_done_its_share_is_replaced_between_two_chunks(
    whole_farm: System, own: Engines, many: Path, limit: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    small = [{"name": "thumbnail", "size": 64}]
    clean = clean_run(whole_farm, many, small)
    whole_farm.settings = whole_farm.settings.model_copy(
        update=limit | {"chunk_floor_ms": 1, "chunk_cap_ms": 1}
    )
    pids: list[int] = []

    def noting(raw: Mapping[str, int | str]) -> Tally:
        tally = own.run_chunk(raw)
        pids.extend(
            word.engine_pid for word in SlotStatusReader(whole_farm.settings.slot_status_folder).statuses()
        )
        return tally

    whole_farm.dispatch(noting)
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(many)}, small), 60)
    assert items(whole_farm, batch.id) == clean
    assert len(set(pids)) >= 4, "twelve items at three a process"
    assert {item["attempts"] for item in whole_farm.items(batch.id)} == {1}
    assert "engine process ended" not in caplog.text, "it was let go, none was lost"
    wait_until(lambda: sum(map(psutil.pid_exists, set(pids))) <= 2, 10, "those before are gone")
