"""Batches with variants: files, records, folders that are shared, disks that are full."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.engine.attempt import Inline, RenderContext
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.errors import (
    ConflictError,
    InvalidPipelineError,
    NotFoundError,
    OutputNameError,
    OutputNoSpaceError,
)
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.model.batch import State, Verb
from rayjobs.model.lease import Pace, Tally
from rayjobs.settings import Settings
from rayjobs.worker.chunk_runner import ChunkRunner
from tests.support.system import System, farm

THUMB = {"name": "thumb", "pipeline": [{"name": "thumbnail", "size": 32}]}
FULL = {"name": "full", "output": {"format": "png", "name": "full/{index}-{stem}.{ext}"}}


@pytest.fixture
def whole(farm_settings: Settings) -> Iterator[System]:
    with farm(farm_settings, MemoryRegistry(farm_settings)) as running:
        yield running


def folder(pictures: Path) -> dict[str, Any]:
    return {"type": "folder", "path": str(pictures)}


def source(pictures: Path, first: int, end: int) -> dict[str, Any]:
    return {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())[first:end]]}


def sent(farm: System, given: dict[str, Any], *variants: dict[str, Any], **more: object) -> str:
    return farm.submit(given, [], variants=list(variants), **more)


def test_each_picture_becomes_a_file_for_each_variant(whole: System, pictures: Path) -> None:
    whole.dispatch()
    batch = whole.finished(sent(whole, source(pictures, 0, 3), THUMB, FULL))
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 3)
    files = whole.outputs(batch.id)
    assert sorted(files)[::3] == ["000000-p00-thumb.jpg", "full/0-p00.png"]
    for item in whole.items(batch.id):
        assert list(item["outputs"]) == ["thumb", "full"]
        assert "output" not in item
        for output in item["outputs"].values():
            assert hashlib.sha256(files[output["name"]]).hexdigest() == output["sha256"]
        assert (item["outputs"]["thumb"]["width"], item["outputs"]["full"]["height"]) == (32, 48)


def test_a_file_is_asked_for_by_its_variants_name(whole: System, pictures: Path) -> None:
    whole.dispatch()
    batch_id = sent(whole, source(pictures, 0, 1), THUMB, FULL)
    with pytest.raises(ConflictError, match="no output 'thumb'"):
        whole.history.output(sent(whole, source(pictures, 0, 1), THUMB, priority=-10), 0, "thumb")
    whole.finished(batch_id)
    with whole.history.output(batch_id, 0, "full").file as file:
        assert file.read() == whole.outputs(batch_id)["full/0-p00.png"]
    with pytest.raises(NotFoundError, match="no variant 'x'; there are thumb, full"):
        whole.history.output(batch_id, 0, "x")
    with pytest.raises(NotFoundError, match=r"\?variant=: thumb, full"):
        whole.history.output(batch_id, 0)
    single = whole.finished(whole.submit(source(pictures, 0, 1)))
    with pytest.raises(NotFoundError, match="one output and no variant 'x'"):
        whole.history.output(single.id, 0, "x")


def test_an_item_fails_as_a_whole_and_says_which_variant(whole: System, pictures: Path) -> None:
    whole.dispatch()
    crop = {"name": "crop", "left": 0, "top": 0, "width": 70, "height": 48}
    batch = whole.finished(sent(whole, folder(pictures), THUMB, {"name": "cut", "pipeline": [crop]}))
    assert (batch.counts.succeeded, batch.errors_by_code) == (6, {"filter_failed": 6})
    [bad, *_] = whole.items(batch.id, state="failed")
    assert bad["error"]["detail"].startswith("variant 'cut': crop")
    assert "outputs" not in bad
    assert len(whole.outputs(batch.id)) == 12, "nothing is written of an item before all of it is made"
    whole.intake.delete(batch.id)
    assert not (Path(whole.settings.store) / "outputs" / batch.id).exists()


def test_of_a_shared_folder_only_what_is_missing_is_made(whole: System, pictures: Path) -> None:
    whole.dispatch()
    output = {"folder": "album", "name": "{index}-{variant}.{ext}", "on_exists": "skip"}
    small = THUMB | {"name": "small"}
    whole.finished(sent(whole, source(pictures, 0, 2), THUMB, output=output))
    second = whole.finished(sent(whole, source(pictures, 0, 3), THUMB, small, output=output))
    assert second.counts.succeeded == 3
    assert [list(item["outputs"]) for item in whole.items(second.id)] == [["small"]] * 2 + [
        ["thumb", "small"]
    ]
    third = whole.finished(sent(whole, folder(pictures), THUMB, small, output=output))
    assert (third.counts.skipped, third.counts.succeeded) == (3, 9)
    failing = output | {"on_exists": "fail"}
    last = whole.finished(
        sent(whole, source(pictures, 0, 1), THUMB | {"name": "other"}, small | {"output": failing})
    )
    assert whole.items(last.id)[0]["error"]["detail"].startswith("variant 'small': its output was in")


class Full(FileStore):
    """A disk on which one name has no room."""

    without = "-full"

    @override
    def put(self, key: str, data: bytes) -> None:
        if self.without in key:
            raise OutputNoSpaceError("no space is left")
        super().put(key, data)


def test_an_item_with_no_room_for_one_file_waits_as_it_was(whole: System, pictures: Path) -> None:
    batch_id = sent(whole, source(pictures, 0, 2), THUMB, {"name": "full"})
    whole.registry.enlist([batch_id], last=True)  # a verb needs a registry that is restored
    leader = whole.registry.lead("me", 60)
    assert leader is not None
    store = Full(whole.settings.store)
    slot = ChunkRunner(
        whole.record,
        Inline(RenderContext(whole.settings, store), SlotStatusWriter(whole.settings.slot_status_folder, 1)),
    )
    [lease, _] = whole.registry.claim(leader, 1, Pace(), 2)
    tally: Tally = slot.run(lease)
    assert tally.halt is not None
    assert tally.halt.detail == "variant 'full': no space is left"
    assert (tally.again, dict(tally.counts)) == ((lease.range,), {})
    [written] = whole.outputs(batch_id)
    assert written == "000000-p00-thumb.jpg"
    assert "outputs" not in whole.items(batch_id)[0], "what was written is told by nobody"
    whole.registry.settle(lease, tally)
    whole.intake.steer(batch_id, Verb.RESUME)
    store.without = "nothing"
    claimed = whole.registry.claim(leader, 1, Pace(), 4)
    [again] = (one for one in claimed if one.range == lease.range)
    assert slot.run(again).counts == {"succeeded": 1}
    assert list(whole.items(batch_id)[0]["outputs"]) == ["thumb", "full"]


def test_a_batch_goes_on_from_the_record_alone(
    whole: System, farm_settings: Settings, pictures: Path
) -> None:
    batch_id = sent(whole, source(pictures, 0, 3), THUMB, FULL)
    leader = whole.registry.lead("me", 60)
    assert leader is not None
    [lease] = whole.registry.claim(leader, 1, Pace(), 1)
    whole.slot().run(lease)
    with farm(farm_settings, MemoryRegistry(farm_settings)) as other:
        Recovery(other.registry, other.record).restore([])
        other.dispatch()
        assert other.finished(batch_id).counts.succeeded == 3
        assert [list(item["outputs"]) for item in other.items(batch_id)] == [["thumb", "full"]] * 3
        assert len(other.outputs(batch_id)) == 6


def test_names_that_would_meet_are_refused_before_anything_is_stored(whole: System, pictures: Path) -> None:
    same = {"name": "{index}.{ext}"}
    with pytest.raises(OutputNameError, match="listed later"):
        sent(whole, folder(pictures), THUMB, THUMB | {"name": "b"}, output=same)
    with pytest.raises(OutputNameError, match="variants 'thumb' and 'b' of item 0"):
        sent(whole, source(pictures, 0, 2), THUMB, THUMB | {"name": "b"}, output=same)
    assert list(whole.record.store.names("record")) == []


def test_a_plan_names_the_files_and_advises_each_pipeline(whole: System, pictures: Path) -> None:
    late = [{"name": "blur", "radius": 3}, {"name": "thumbnail", "size": 20}]
    body = {
        "source": source(pictures, 0, 1),
        "pipeline": [],
        "variants": [THUMB, {"name": "b", "pipeline": late}],
    }
    plan = whole.intake.plan(body)
    assert plan["names"] == ["000000-p00-thumb.jpg", "000000-p00-b.jpg"]
    assert [each["name"] for each in plan["variants"]] == ["thumb", "b"]
    assert [(each["pointer"], each["code"]) for each in plan["warnings"]] == [
        ("/variants/1/pipeline/1", "resize_late")
    ]
    shared = whole.intake.plan(body | {"pipeline": [{"name": "grayscale"}], "variants": [THUMB]})
    assert [each["pointer"] for each in shared["warnings"]] == ["/variants/0/pipeline/0"]


def test_a_variants_second_picture_must_exist(whole: System, pictures: Path) -> None:
    put = {"name": "watermark", "picture": "sample:none.png"}
    with pytest.raises(InvalidPipelineError) as caught:
        sent(whole, source(pictures, 0, 1), THUMB, {"name": "b", "pipeline": [put]})
    assert [each.pointer for each in caught.value.problems] == ["/variants/1/pipeline/0/picture"]
