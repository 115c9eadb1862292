"""The same content under the same terms is rendered once; an entry with any fault is a miss."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.codec import Limits
from rayjobs.engine import attempt, cache
from rayjobs.engine.assignment import Assignment
from rayjobs.engine.branches import ImageInfo, Rendered
from rayjobs.engine.cache import Cache
from rayjobs.filters import text
from rayjobs.model.batch import Batch
from rayjobs.model.ranges import Range
from rayjobs.ports import Store
from rayjobs.request.sources import Sources
from rayjobs.settings import Settings
from tests.support.system import THUMB, System, farm


@pytest.fixture
def whole(farm_settings: Settings) -> Iterator[System]:
    with farm(farm_settings, MemoryRegistry(farm_settings)) as running:
        running.dispatch()
        yield running


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the sources that were rendered."""
    sizes: list[int] = []
    render_all = vars(attempt)["render_all"]

    def counted(data: bytes, *rest: Any) -> Any:
        sizes.append(len(data))
        return render_all(data, *rest)

    monkeypatch.setattr(attempt, "render_all", counted)
    return sizes


def run(whole: System, folder: Path, pipeline: list[dict[str, Any]] = THUMB, **more: object) -> Batch:
    source = {"type": "folder", "path": str(folder)}
    return whole.finished(whole.submit(source, pipeline, **{"cache": True, **more}))


def ends(batch: Batch) -> tuple[int, int, int]:
    return batch.counts.succeeded, batch.counts.cached, batch.counts.failed


def entries(whole: System) -> list[Path]:
    return sorted((Path(whole.settings.store) / "outputs" / ".cache").rglob("*.json"))


def test_a_second_batch_renders_nothing_and_has_the_same_files(
    whole: System, pictures: Path, rendered: list[int]
) -> None:
    first = run(whole, pictures, [*THUMB, {"name": "ahash"}])
    second = run(whole, pictures, [*THUMB, {"name": "ahash"}], output={"name": "again/{index}.{ext}"})
    assert (ends(first), ends(second)) == ((12, 0, 0), (0, 12, 0))
    assert second.state.value == "succeeded"
    assert len(rendered) == 12
    assert sorted(whole.outputs(first.id).values()) == sorted(whole.outputs(second.id).values())
    for one, other in zip(whole.items(first.id), whole.items(second.id), strict=True):
        assert other["state"] == "cached"
        assert {**one["output"], "uri": "", "name": ""} == {**other["output"], "uri": "", "name": ""}
        assert other["output"]["name"] == f"again/{other['index']}.jpg"
        assert (one["input"], one["analysis"]) == (other["input"], other["analysis"])
    file = whole.history.output(second.id, 3).file
    with file:
        assert file.read() in whole.outputs(first.id).values()


def test_it_is_off_unless_asked_for(whole: System, pictures: Path) -> None:
    assert ends(run(whole, pictures, cache=False)) == (12, 0, 0)
    assert entries(whole) == []
    assert ends(run(whole, pictures)) == (12, 0, 0)
    assert ends(run(whole, pictures, cache=False)) == (12, 0, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"output": {"format": "jpeg", "quality": 50}},
        {"output": {"format": "webp"}},
        {"input": {"on_truncated": "salvage"}},
        {"pipeline": [{"name": "thumbnail", "size": 33}]},
        {"variants": [{"name": "a", "output": {"format": "png"}}]},
    ],
)
def test_other_terms_are_another_rendering(whole: System, pictures: Path, more: dict[str, Any]) -> None:
    run(whole, pictures)
    assert ends(run(whole, pictures, **more)) == (12, 0, 0)


def test_the_same_content_in_one_batch_is_rendered_once(whole: System, pictures: Path) -> None:
    for path in sorted(pictures.iterdir())[1:]:
        path.write_bytes((pictures / "p00.jpg").read_bytes())
    first = run(whole, pictures)
    assert first.counts.succeeded + first.counts.cached == 12
    assert first.counts.cached >= 12 - 2  # two slots may begin at once
    assert len(entries(whole)) == 1
    assert len(set(whole.outputs(first.id).values())) == 1


def test_variants_are_found_together_and_one_alone_is_another_rendering(
    whole: System, pictures: Path
) -> None:
    two = [{"name": "a", "pipeline": [{"name": "ahash"}]}, {"name": "b", "output": {"format": "png"}}]
    first, second = (run(whole, pictures, variants=two) for _ in "ab")
    assert (ends(first), ends(second)) == ((12, 0, 0), (0, 12, 0))
    one, other = (whole.items(batch.id)[5]["outputs"] for batch in (first, second))
    assert {name: {**each, "uri": ""} for name, each in one.items()} == {
        name: {**each, "uri": ""} for name, each in other.items()
    }
    assert ends(run(whole, pictures, variants=two[:1])) == (12, 0, 0)


def test_what_is_no_longer_there_is_made_anew(whole: System, pictures: Path, rendered: list[int]) -> None:
    first = run(whole, pictures)
    whole.intake.delete(first.id)
    second = run(whole, pictures)
    third = run(whole, pictures)
    assert (ends(second), ends(third)) == ((12, 0, 0), (0, 12, 0))
    whole.intake.delete(second.id)
    assert len(whole.outputs(third.id)) == 12
    assert len(rendered) == 24


def _garbage(_: dict[str, Any]) -> bytes:
    return b"{"


def _of_another(entry: dict[str, Any]) -> bytes:
    entry["files"][0]["output"]["sha256"] = "0" * 64
    return orjson.dumps(entry)


def _a_folder(entry: dict[str, Any]) -> bytes:
    entry["files"][0]["key"] = "outputs/.cache"
    return orjson.dumps(entry)


def _of_no_file(entry: dict[str, Any]) -> bytes:
    return orjson.dumps(entry | {"files": []})


def _strange(entry: dict[str, Any]) -> bytes:
    entry["source"]["colour"] = 1
    return orjson.dumps(entry)


def _nowhere(entry: dict[str, Any]) -> bytes:
    entry["files"][0]["key"] = "outputs/../../etc"
    return orjson.dumps(entry)


@pytest.mark.parametrize(
    "harm", [_garbage, _of_another, _of_no_file, _a_folder, _strange, _nowhere, lambda _: b"[1]"]
)
def test_a_poisoned_entry_is_a_miss(whole: System, pictures: Path, harm: Any) -> None:
    run(whole, pictures)
    for path in entries(whole):
        path.write_bytes(harm(orjson.loads(path.read_bytes())))
    assert ends(run(whole, pictures)) == (12, 0, 0)
    assert ends(run(whole, pictures)) == (0, 12, 0)


def test_a_file_that_was_changed_is_a_miss_and_its_entry_goes_at_once(whole: System, pictures: Path) -> None:
    first = run(whole, pictures)
    folder = Path(whole.settings.store) / "outputs" / first.id
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() + b"x")
    of_this_machine = attempt.RenderContext(whole.settings, whole.record.store).cache
    keys = [path.stem for path in entries(whole)]
    assert [of_this_machine.find(key, 1) for key in keys] == [None] * 12
    assert entries(whole) == []
    assert ends(run(whole, pictures)) == (12, 0, 0)


def test_a_store_that_is_away_for_a_moment_costs_no_entry_and_no_item(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(whole, pictures)
    before = entries(whole)
    with monkeypatch.context() as away:
        away.setattr(cache, "_place", lambda key: f"outputs/.cache/{key[:2]}")  # a folder can't be read
        assert ends(run(whole, pictures)) == (12, 0, 0)
    assert entries(whole) == before
    assert ends(run(whole, pictures)) == (0, 12, 0)


def kept(store: Store, most: int, keys: Iterable[str]) -> Cache:
    settings = Settings(max_cache_entries=most)
    own = Cache(store, Sources(settings, store), Limits.of(settings), settings.max_cache_entries)
    for key in keys:
        store.put(f"outputs/b_1/{key}", b"x")
        info = ImageInfo(1, 1, "png", 1, hashlib.sha256(b"x").hexdigest())
        own.keep(key, [(f"outputs/b_1/{key}", Rendered(b"x", info, info))])
    return own


def test_each_folder_has_its_share_and_the_oldest_go(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path))
    keys = [f"ab{number % 16:x}{number:061x}" for number in range(100)]
    own = kept(store, 5 * 256, keys)
    found = [own.find(key, 1) is not None for key in keys]
    assert found == [False] * 92 + [True] * 8, "5, and the 3 since the last that looked"
    assert len(list(store.names("outputs/b_1"))) == 100, "what a batch has made stays"
    kept(store, 5 * 256, ["cd0"])
    assert list(store.names("outputs/.cache/cd")) == ["cd0.json"], "folders are apart"


def test_two_that_write_and_trim_one_folder_and_one_that_reads_it_do_each_other_no_harm(
    tmp_path: Path,
) -> None:
    store = FileStore(str(tmp_path))

    def write(name: str) -> int:
        keys = [f"ab0{name}{number:02d}" for number in range(60)]
        own = kept(store, 256, keys)
        return sum(own.find(key, 1) is not None for key in keys)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, "abcd")) <= 4
    assert len(list(store.names("outputs/.cache/ab"))) == 1


def test_a_cache_that_can_not_be_written_costs_no_item(whole: System, pictures: Path) -> None:
    place = Path(whole.settings.store) / "outputs" / ".cache"
    place.parent.mkdir(parents=True)
    place.write_text("no folder", encoding="utf-8")
    assert ends(run(whole, pictures)) == (12, 0, 0)


def test_another_version_of_the_engine_or_of_our_code_renders_anew(
    farm_settings: Settings, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends_in_a_new_process() -> tuple[int, int, int]:
        with farm(farm_settings, MemoryRegistry(farm_settings)) as another:
            another.dispatch()
            return ends(run(another, pictures))

    changes: dict[str, object] = {
        "engine_versions": {"libvips": "9"},
        "plugin_versions": {"a": "2"},
        "_code": "x",
    }
    assert ends_in_a_new_process() == (12, 0, 0)
    for name, value in changes.items():
        assert ends_in_a_new_process() == (0, 12, 0)
        monkeypatch.setattr(cache, name, lambda value=value: value)
        assert ends_in_a_new_process() == (12, 0, 0), name


def test_another_font_renders_what_has_letters_anew(
    whole: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [{"name": "text", "text": "a\nb", "font": "Of This Machine"}]
    variants = [{"name": "plain"}, {"name": "written", "pipeline": written}]
    assert ends(run(whole, pictures, variants=variants)) == ends(run(whole, pictures)) == (12, 0, 0)
    monkeypatch.setattr(text.Text, "surroundings", lambda _: b"other letters")
    assert ends(run(whole, pictures, variants=variants)) == (12, 0, 0)
    assert ends(run(whole, pictures)) == (0, 12, 0)


def test_two_batches_at_once_both_end_and_leave_whole_files(whole: System, pictures: Path) -> None:
    source = {"type": "folder", "path": str(pictures)}
    whole.dispatch()
    ids = [whole.submit(source, THUMB, cache=True) for _ in range(4)]
    batches = [whole.finished(each) for each in ids]
    assert [batch.counts.succeeded + batch.counts.cached for batch in batches] == [12] * 4
    files = [whole.outputs(each) for each in ids]
    assert all(each == files[0] for each in files)
    assert len(entries(whole)) == 12


def test_a_retry_finds_what_was_made_and_fails_again_where_it_must(whole: System, pictures: Path) -> None:
    (pictures / "p03.jpg").write_bytes(b"no picture")
    first = run(whole, pictures)
    assert ends(first) == (11, 0, 1)
    (pictures / "p03.jpg").write_bytes((pictures / "p04.jpg").read_bytes())
    whole.intake.retry(first.id)
    assert ends(whole.finished(first.id)) == (11, 1, 0)


def test_a_chunk_that_is_run_again_finds_its_own_files(whole: System, pictures: Path) -> None:
    first = run(whole, pictures)
    before = whole.outputs(first.id)
    items = tuple(whole.record.items(first.id, Range(0, 12)))
    again = Assignment(first.id, 2, whole.record.spec(first.id)["document"], items)
    outcomes = whole.slot(7)._engine.carry_out(again)
    assert {each.state for each in outcomes} == {"cached"}
    assert whole.outputs(first.id) == before
