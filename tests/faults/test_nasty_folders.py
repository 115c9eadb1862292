"""A folder may hold whatever a file system takes: the good is done, the rest is told, and the batch ends."""

import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.dispatcher import loop
from rayjobs.errors import ItemError
from rayjobs.lifecycle import reaper
from rayjobs.model.batch import Batch, State
from rayjobs.record.replay import closing
from rayjobs.request import expand
from rayjobs.request.sources import Sources
from rayjobs.request.spec import FolderSource
from rayjobs.request.walk import Remarks
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from rayjobs_api.forecasts import PlanAnswer
from rayjobs_api.responses import BatchAnswer
from tests.support.nasty import BARRED, NASTY, Nasty, as_nobody, open_folder, picture
from tests.support.system import THUMB, System, farm
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are made as Linux makes them")


@pytest.fixture
def whole(farm_settings: Settings) -> Iterator[System]:
    with farm(farm_settings, MemoryRegistry(farm_settings)) as whole:
        whole.dispatch()
        yield whole


def folder_of(pictures: Path, *kinds: Nasty) -> Path:
    """Return a folder below the root with two good pictures and an entry of each kind."""
    folder = Path(tempfile.mkdtemp(dir=pictures))
    for name in ("0.jpg", "z.jpg"):
        picture(folder / name)
    for kind in kinds:
        kind.make(folder)
    return folder


def source_of(folder: Path) -> dict[str, Any]:
    return {"type": "folder", "path": str(folder)}


def check(batch: Batch, kinds: list[Nasty]) -> None:
    failed = Counter(code for kind in kinds for code in kind.failed)
    told = Counter(code for kind in kinds for code in kind.told)
    good = 2 + sum(kind.good for kind in kinds)
    assert batch.state is (State.PARTIAL if failed else State.SUCCEEDED)
    assert (batch.counts.total, batch.counts.succeeded) == (good + failed.total(), good)
    assert batch.errors_by_code == failed
    assert Counter(each["code"] for each in batch.remarks["warnings"]) == told
    assert batch.remarks["left_out"] == sum(kind.left_out for kind in kinds)
    BatchAnswer.model_validate(batch.as_json())


@pytest.mark.parametrize("name", NASTY)
def test_one_nasty_entry_is_told_and_the_rest_is_done(whole: System, pictures: Path, name: str) -> None:
    check(whole.finished(whole.submit(source_of(folder_of(pictures, NASTY[name])))), [NASTY[name]])


def test_all_of_them_together_are_told_and_the_rest_is_done(whole: System, pictures: Path) -> None:
    kinds = list(NASTY.values())
    check(whole.finished(whole.submit(source_of(folder_of(pictures, *kinds)))), kinds)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from(sorted(NASTY))))
def test_any_of_them_are_told_and_the_rest_is_done(whole: System, pictures: Path, names: set[str]) -> None:
    kinds = [NASTY[name] for name in names]
    folder = folder_of(pictures, *kinds)
    check(whole.finished(whole.submit(source_of(folder))), kinds)
    shutil.rmtree(folder)


_PARTS = st.binary(min_size=1, max_size=60).filter(lambda name: not set(name) & set(b"\0/"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(_PARTS, max_size=6))
def test_any_name_that_a_file_system_takes_is_an_item_or_is_told(
    whole: System, pictures: Path, names: set[bytes]
) -> None:
    folder = folder_of(pictures)
    for name in names:
        with open(bytes(folder) + b"/n" + name + b".png", "wb") as file:  # noqa: PTH123 - Path takes no bytes
            file.write((folder / "0.jpg").read_bytes())
    batch = whole.finished(whole.submit(source_of(folder)))
    assert batch.counts.succeeded == batch.counts.total
    assert batch.counts.total + len(batch.remarks["warnings"]) == 2 + len(names)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", BARRED)
def test_what_may_not_be_read_is_told_and_the_rest_is_listed(farm_settings: Settings, name: str) -> None:
    kind = BARRED[name]
    with open_folder() as folder:
        for good in ("0.jpg", "z.jpg"):
            picture(folder / good)
        kind.make(folder)
        given = farm_settings.model_copy(update={"roots": (folder,)})
        sources, remarks, codes = Sources(given, FileStore(given.store)), Remarks(), []
        with as_nobody():
            for item in sources.items(FolderSource(type="folder", path=str(folder)), remarks):
                try:
                    sources.read(item)
                except ItemError as error:
                    codes.append(error.code)
                else:
                    codes.append("read")
    assert Counter(codes) == Counter({"read": 2}) + Counter(kind.failed)
    assert tuple(each["code"] for each in remarks.as_json()["warnings"]) == kind.told


def test_as_paths_each_of_them_fails_with_its_code(whole: System, pictures: Path) -> None:
    wanted = {name: kind for name, kind in NASTY.items() if kind.failed}
    folder = folder_of(pictures, *wanted.values())
    paths = sorted(str(path) for path in folder.iterdir())
    batch = whole.finished(whole.submit({"type": "paths", "paths": [*paths, str(folder / ("n" * 300))]}))
    expected = Counter(code for kind in wanted.values() for code in kind.failed)
    assert batch.errors_by_code == expected + Counter({"source_not_found": 1})
    assert batch.counts.succeeded == 2


def test_an_estimate_tells_them_too(farm_settings: Settings, whole: System, pictures: Path) -> None:
    kinds = list(NASTY.values())
    body = {"source": source_of(folder_of(pictures, *kinds)), "pipeline": THUMB}
    with TestClient(create_app(farm_settings, whole.registry)) as client:
        answer = client.post("/batches?dry_run=true&sample=2", json=body)
        batch = client.post("/batches", json=body).json()
        whole.finished(batch["id"])
        shown = client.get(f"/batches/{batch['id']}").json()
    plan = answer.json()
    PlanAnswer.model_validate(plan)
    assert answer.status_code == 200
    assert plan["estimate"]["items"] == shown["counts"]["total"]
    assert [each for each in plan["warnings"] if each["pointer"] == "/source/path"] == shown["warnings"]
    assert plan["left_out"] == shown["left_out"] == sum(kind.left_out for kind in kinds)


def test_remarks_outlive_the_registry(whole: System, farm_settings: Settings, pictures: Path) -> None:
    batch = whole.finished(whole.submit(source_of(folder_of(pictures, *NASTY.values()))))
    assert batch.remarks["warnings"]
    forgetful = System(farm_settings, MemoryRegistry(farm_settings))
    assert forgetful.history.batch(batch.id).remarks == batch.remarks
    assert forgetful.record.listing(batch.id).remarks == batch.remarks


def test_remarks_are_whole_where_a_listing_was_cut_short(farm_settings: Settings, pictures: Path) -> None:
    folder = folder_of(pictures, *NASTY.values())
    with farm(farm_settings, MemoryRegistry(farm_settings)) as whole:
        batch_id = whole.submit(source_of(folder))
        items = list(Sources(farm_settings, whole.record.store).items(FolderSource(**source_of(folder))))
        whole.record.seal_page(batch_id, 0, items)  # the dispatcher before came so far
        picture(folder / "later.jpg")
        whole.dispatch()
        check(whole.finished(batch_id), list(NASTY.values()))


def test_a_record_without_remarks_is_read(whole: System, pictures: Path) -> None:
    batch_id = whole.submit({"type": "paths", "paths": [str(pictures / "p00.jpg")]})
    whole.finished(batch_id)
    whole.record.store.put(f"record/{batch_id}/sealed.json", b'{"total": 1, "error": null}')
    assert whole.record.listing(batch_id).remarks == {}
    shown = System(whole.settings, MemoryRegistry(whole.settings)).history.batch(batch_id).as_json()
    assert (shown["warnings"], shown["left_out"]) == ([], 0)


def test_a_folder_that_can_not_be_walked_ends_the_batch_with_the_reason(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_named: object) -> Iterator[str]:
        yield str(pictures / "p00.jpg")
        raise ValueError("a fault that nobody foresaw")

    monkeypatch.setattr("rayjobs.request.sources.walk", broken)
    batch = whole.finished(whole.submit(source_of(pictures)))
    assert (batch.state, batch.counts.total) == (State.FAILED, 0)
    assert batch.error is not None
    assert batch.error["code"] in ("internal", "source_not_found")


def test_whatever_ends_a_listing_ends_the_batch_and_it_is_listed_once(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(*given: object) -> None:
        calls.append(given)
        raise ZeroDivisionError("a fault that nobody foresaw")

    monkeypatch.setattr(loop, "expand", broken)
    batch = whole.finished(whole.submit(source_of(pictures)))
    assert (batch.state, len(calls)) == (State.FAILED, 1)
    assert batch.error is not None
    assert (batch.error["code"], "ZeroDivisionError" in batch.error["detail"]) == ("internal", True)
    monkeypatch.setattr(loop, "expand", expand.expand)
    assert whole.finished(whole.submit(source_of(pictures))).state is State.SUCCEEDED


def test_a_batch_that_can_not_even_be_ended_is_not_listed_again(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    both = threading.Event()

    def broken(batch_id: str, *_given: object) -> None:
        calls[batch_id] += 1
        both.set()
        raise ZeroDivisionError

    real = whole.registry.steer

    def refusing(*_given: object, **_named: object) -> Batch:
        raise ZeroDivisionError

    monkeypatch.setattr(loop, "expand", broken)
    monkeypatch.setattr(whole.registry, "steer", refusing)
    first = whole.submit(source_of(pictures))
    assert both.wait(10)
    monkeypatch.setattr(loop, "expand", expand.expand)
    others = [whole.submit(source_of(pictures)) for _ in range(3)]
    assert {whole.finished(each).state for each in others} == {State.SUCCEEDED}
    monkeypatch.setattr(whole.registry, "steer", real)
    assert calls == {first: 1}
    assert whole.registry.get(first).state is State.EXPANDING


def test_what_ends_a_thread_of_the_dispatcher_ends_the_dispatcher(
    whole: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise ZeroDivisionError("a fault that nobody foresaw")

    monkeypatch.setattr(whole.registry, "renew", broken)
    wait_until(lambda: bool(whole.ended), 10, "the dispatcher leaves")
    assert isinstance(whole.ended[0], ZeroDivisionError)


def test_a_batch_that_can_not_be_closed_stops_no_other(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = {"doomed": "yes"}

    def broken(batch: Batch, *given: Any, **named: Any) -> dict[str, Any]:
        if batch.document["labels"] == doomed:
            raise ZeroDivisionError("a fault that nobody foresaw")
        return closing(batch, *given, **named)

    monkeypatch.setattr(reaper, "closing", broken)
    one = {"type": "paths", "paths": [str(pictures / "p00.jpg")]}
    first = whole.submit(one, labels=dict(doomed))
    wait_until(lambda: whole.registry.get(first).state is State.FINALIZING, 10, "it waits to be closed")
    assert whole.finished(whole.submit(one)).state is State.SUCCEEDED
    assert not whole.ended
    doomed.clear()
    assert whole.finished(first).state is State.SUCCEEDED


def test_files_of_a_shared_folder_that_can_not_be_looked_at_are_none(whole: System, pictures: Path) -> None:
    shared = Path(whole.settings.store) / "outputs" / "shared" / "album"
    (shared / "p00-0.jpg").mkdir(parents=True)
    (shared / "p01-1.jpg").symlink_to("p01-1.jpg")
    (shared / "p02-2.jpg").write_bytes(b"was here before")
    output = {"folder": "album", "on_exists": "skip", "name": "{stem}-{index}.{ext}"}
    batch = whole.finished(whole.submit(source_of(pictures), output=output))
    assert (batch.counts.total, batch.counts.skipped) == (12, 1)
    assert batch.errors_by_code == {"output_denied": 1}  # a link is replaced, a folder is not


def test_a_folder_in_the_place_of_an_output_is_that_items_fault(whole: System, pictures: Path) -> None:
    (Path(whole.settings.store) / "outputs" / "shared" / "album" / "0.jpg").mkdir(parents=True)
    output = {"folder": "album", "name": "{index}.{ext}"}
    batch = whole.finished(whole.submit(source_of(pictures), output=output))
    assert (batch.counts.succeeded, batch.errors_by_code) == (11, {"output_denied": 1})
