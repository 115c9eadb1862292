import hashlib
from pathlib import Path
from typing import Any

import pytest

from rayjobs.errors import ConflictError, InvalidRequestError
from rayjobs.model.batch import State
from rayjobs.model.lease import Pace
from tests.support.system import System


def source(pictures: Path, first: int, end: int) -> dict[str, Any]:
    return {"type": "paths", "paths": [str(path) for path in sorted(pictures.iterdir())[first:end]]}


def output(on_exists: str) -> dict[str, Any]:
    return {"folder": "album", "name": "{stem}.{ext}", "on_exists": on_exists}


def files(farm: System) -> dict[str, tuple[bytes, int]]:
    folder = Path(farm.settings.store) / "outputs" / "shared" / "album"
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_what_is_there_is_skipped_and_what_is_not_is_made(whole_farm: System, pictures: Path) -> None:
    whole_farm.dispatch()
    first = whole_farm.finished(whole_farm.submit(source(pictures, 0, 4), output=output("skip")))
    before = files(whole_farm)
    assert (first.counts.succeeded, first.counts.skipped, len(before)) == (4, 0, 4)
    second = whole_farm.finished(whole_farm.submit(source(pictures, 2, 12), output=output("skip")))
    assert (second.state, second.counts.succeeded, second.counts.skipped) == (State.SUCCEEDED, 8, 2)
    after = files(whole_farm)
    assert len(after) == 12
    assert {name: after[name] for name in before} == before, "not even written again"
    assert [item["state"] for item in whole_farm.items(second.id)] == ["skipped"] * 2 + ["succeeded"] * 8
    with whole_farm.history.output(second.id, 5).file as made:
        assert made.read() == after["p07.jpg"][0]
    with pytest.raises(ConflictError, match="skipped"):
        whole_farm.history.output(second.id, 0)
    whole_farm.intake.delete(second.id)
    assert files(whole_farm) == after, "a shared folder is no batch's own"


def test_what_is_there_fails_where_that_is_asked_for(whole_farm: System, pictures: Path) -> None:
    whole_farm.dispatch()
    whole_farm.finished(whole_farm.submit(source(pictures, 0, 1), output=output("overwrite")))
    folder = {"type": "folder", "path": str(pictures)}
    terms = output("fail") | {"name": "{index}.{ext}"}
    assert whole_farm.finished(whole_farm.submit(folder, output=terms)).counts.succeeded == 12
    batch = whole_farm.finished(whole_farm.submit(source(pictures, 0, 3), output=output("fail")))
    assert (batch.state, batch.errors_by_code) == (State.PARTIAL, {"output_conflict": 1})
    again = whole_farm.finished(whole_farm.submit(folder, output=terms))
    assert (again.state, again.errors_by_code) == (State.FAILED, {"output_conflict": 12})


def test_an_attempt_that_finds_its_own_output_of_before_is_no_conflict(
    whole_farm: System, pictures: Path
) -> None:
    batch_id = whole_farm.submit(source(pictures, 0, 12), output=output("fail"))
    leader = whole_farm.registry.lead("dead", 60)
    assert leader is not None
    [lease] = whole_farm.registry.claim(leader, 2, Pace(), 1)
    whole_farm.slot().run(lease)
    for commit in (Path(whole_farm.settings.store) / "record" / batch_id / "results").iterdir():
        commit.unlink()  # as if the slot had died between its last output and its commit
    whole_farm.registry.resign("dead")
    whole_farm.dispatch()
    batch = whole_farm.finished(batch_id)
    assert (batch.state, batch.counts.succeeded) == (State.SUCCEEDED, 12)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"on_exists": "skip"}, "/output"),
        ({"folder": "a", "on_exists": "skip", "format": "auto"}, "/output"),
        ({"folder": "../up"}, "/output/folder"),
        ({"folder": ".parts"}, "/output/folder"),
        ({"folder": "a", "on_exists": "rename"}, "/output/on_exists"),
    ],
)
def test_a_folder_that_cannot_be_shared_is_refused(
    whole_farm: System, pictures: Path, changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        whole_farm.submit(source(pictures, 0, 1), output=changes)
    assert [problem.pointer for problem in caught.value.problems] == [pointer]


def test_of_two_batches_that_write_the_same_files_at_once_each_file_is_one_or_the_other_whole(
    whole_farm: System, pictures: Path
) -> None:
    """The last to write a file has it; the other's record says that its own is no longer there."""
    whole_farm.dispatch()
    pipelines: list[list[dict[str, Any]]] = [[{"name": "thumbnail", "size": size}] for size in (32, 48)]
    everything = source(pictures, 0, 12)
    ids = [whole_farm.submit(everything, pipeline, output=output("overwrite")) for pipeline in pipelines]
    for batch_id in ids:
        assert whole_farm.finished(batch_id).counts.succeeded == 12
    written = {name: hashlib.sha256(data).hexdigest() for name, (data, _) in files(whole_farm).items()}
    assert sorted(written) == [f"p{index:02d}.jpg" for index in range(12)], "and nothing half-done"
    for index in range(12):
        told = [whole_farm.history.item(batch_id, index)["output"] for batch_id in ids]
        assert told[0]["sha256"] != told[1]["sha256"]
        for batch_id, its_own in zip(ids, told, strict=True):
            if its_own["sha256"] == written[its_own["name"]]:
                whole_farm.history.output(batch_id, index).file.close()
            else:
                with pytest.raises(ConflictError, match="replaced since by another batch"):
                    whole_farm.history.output(batch_id, index)
        assert written[told[0]["name"]] in {one["sha256"] for one in told}
