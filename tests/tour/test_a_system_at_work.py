"""The same with the parts running by themselves: a dispatcher, slots, a real Redis, a folder."""

from pathlib import Path

from rayjobs.model.batch import State
from tests.support.system import System


def test_a_folder_is_listed_and_every_picture_of_it_is_filtered_once(
    whole_farm: System, pictures: Path
) -> None:
    whole_farm.dispatch()
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert batch.state is State.SUCCEEDED
    assert (batch.counts.total, batch.counts.succeeded, batch.exact) == (12, 12, True)
    assert sorted(whole_farm.outputs(batch.id)) == [f"{i:06d}-p{i:02d}.jpg" for i in range(12)]


def test_one_bad_picture_is_one_failed_item(whole_farm: System, pictures: Path) -> None:
    (pictures / "p03.jpg").write_text("not a picture", encoding="utf-8")
    whole_farm.dispatch()
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert batch.state is State.PARTIAL
    assert batch.errors_by_code == {"unsupported_format": 1}
    [bad] = whole_farm.items(batch.id, state="failed")
    assert (bad["index"], bad["error"]["code"]) == (3, "unsupported_format")


def test_a_retry_does_only_what_failed(whole_farm: System, pictures: Path) -> None:
    good = (pictures / "p03.jpg").read_bytes()
    (pictures / "p03.jpg").write_bytes(good[:100])
    whole_farm.dispatch()
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    before = {item["index"]: item.get("output") for item in whole_farm.items(batch.id)}
    (pictures / "p03.jpg").write_bytes(good)
    assert whole_farm.intake.retry(batch.id).counts.pending == 1
    batch = whole_farm.finished(batch.id)
    assert (batch.state, batch.counts.succeeded, batch.errors_by_code) == (State.SUCCEEDED, 12, {})
    after = {item["index"]: item["output"] for item in whole_farm.items(batch.id)}
    assert after[3]["format"] == "jpeg"
    assert {i: o for i, o in after.items() if i != 3} == {i: o for i, o in before.items() if i != 3}
