"""Presets in a store: versions that only grow, whoever puts them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rayjobs.errors import ConflictError, InvalidRequestError, NotFoundError
from rayjobs.ports import Store
from rayjobs.request.presets import Presets
from rayjobs.request.spec import parse_request
from rayjobs.settings import Settings

SAMPLES = {"type": "samples", "count": 1}


def body(size: int, **more: object) -> dict[str, Any]:
    return {"pipeline": [{"name": "thumbnail", "size": size}], **more}


@pytest.fixture
def presets(store: Store) -> Presets:
    return Presets(store, Settings(max_presets=4, max_preset_versions=30))


def test_what_is_shipped_makes_batches(presets: Presets) -> None:
    shipped = {each.name: each for each in presets.all()[0]}
    assert shipped.keys() == {"print", "privacy", "thumb", "web"}
    for name, each in shipped.items():
        assert (each.version, each.created_ms) == (1, None)
        form, work = parse_request(presets.resolved({"source": SAMPLES, "preset": name}))
        assert form.preset == f"{name}@1"
        assert work.has_variants == (name == "web")


def test_each_change_is_a_version_and_no_change_is_none(presets: Presets, store: Store) -> None:
    first, is_new = presets.put("mine", body(10))
    assert (first.version, is_new) == (1, True)
    assert presets.put("mine", body(10)) == (first, False)
    assert presets.put("mine", body(20))[0].version == 2
    assert presets.put("mine", body(10))[0].version == 3
    kept = Presets(store, Settings())
    assert [kept.get("mine", version).body for version in (1, 2, 3)] == [body(10), body(20), body(10)]
    assert (kept.get("mine").version, kept.get("mine", 1)) == (3, first)
    assert [each.name for each in kept.all()[0]] == ["mine", "print", "privacy", "thumb", "web"]


def test_of_many_that_put_at_once_each_change_is_a_version(presets: Presets) -> None:
    with ThreadPoolExecutor(8) as pool:
        put = list(pool.map(lambda size: presets.put("mine", body(size)), range(1, 25)))
    assert sorted(each.version for each, _ in put) == list(range(1, 25))
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(lambda _: presets.put("other", body(5)), range(24)))
    assert ([each.version for each, _ in same], sum(new for _, new in same)) == ([1] * 24, 1)


def test_what_is_not_there_is_said_with_what_is(presets: Presets) -> None:
    with pytest.raises(NotFoundError, match=r"'wep'; there are .*Did you mean 'web'\?"):
        presets.get("wep")
    with pytest.raises(NotFoundError, match="versions 1 to 1, not 2"):
        presets.get("web", 2)


def test_a_shipped_name_is_not_given_away(presets: Presets, store: Store) -> None:
    with pytest.raises(ConflictError, match="'my-web'"):
        presets.put("web", body(10))
    assert list(store.names("presets")) == []


@pytest.mark.parametrize("reference", ["wep", "web@2", "Web", "web@0", "web@", "../web", 3, {"name": "web"}])
def test_a_reference_that_means_nothing_is_refused_where_it_stands(
    presets: Presets, reference: object
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        presets.resolved({"source": SAMPLES, "preset": reference})
    assert [each.pointer for each in caught.value.problems] == ["/preset"]


def test_what_is_no_preset_is_none(presets: Presets, store: Store) -> None:
    """Files of others, and a folder in which the first version is just being written."""
    for key in ("presets/.DS_Store", "presets/README", "presets/readme", "presets/mine/1.json.bak"):
        store.put(key, b"{}")
    found, unreadable = presets.all()
    assert ([each.name for each in found], unreadable) == (["print", "privacy", "thumb", "web"], {})
    with pytest.raises(NotFoundError):
        presets.get("mine")
    assert presets.put("mine", body(10))[0].version == 1


def test_there_are_no_more_than_may_be_and_old_versions_may_be_removed(
    presets: Presets, store: Store
) -> None:
    for size in range(1, 31):
        presets.put("mine", body(size))
    with pytest.raises(
        ConflictError, match=r"'mine' has 30 .* 30 \(RAYJOBS_MAX_PRESET_VERSIONS\); put it"
    ) as full:
        presets.put("mine", body(31))
    assert (full.value.limit, full.value.actual) == (30, 30)
    assert presets.put("mine", body(30))[1] is False, "the latest is there, whatever the limit"
    store.delete("presets/mine/1.json")
    assert presets.put("mine", body(31))[0].version == 31
    with pytest.raises(NotFoundError, match="versions 2 to 31, not 1"):
        presets.get("mine", 1)
    for name in ("a", "b", "c"):
        presets.put(name, body(1))
    with pytest.raises(
        ConflictError, match=r"^4 presets .* 4 \(RAYJOBS_MAX_PRESETS\); put a version"
    ) as full:
        presets.put("d", body(1))
    assert (full.value.limit, full.value.actual) == (4, 4)
    assert presets.put("a", body(2))[0].version == 2
    store.delete("presets/b")
    assert presets.put("d", body(1))[1]


def test_what_stands_beside_a_preset_holds(presets: Presets) -> None:
    presets.put("mine", body(10, output={"format": "jpeg", "quality": 50, "progressive": True}))
    resolved = presets.resolved({"preset": "mine", "output": {"folder": "x"}, "priority": 2})
    assert resolved["output"] == {"format": "jpeg", "quality": 50, "progressive": True, "folder": "x"}
    assert (resolved["priority"], resolved["preset"]) == (2, "mine@1")
    webp = presets.resolved({"preset": "mine", "output": {"format": "webp"}, "pipeline": []})
    assert (webp["output"], webp["pipeline"]) == ({"format": "webp", "quality": 50}, [])
    reading = presets.resolved({"preset": "print", "input": {"on_truncated": "salvage"}})["input"]
    assert reading == {"profile": "keep", "on_truncated": "salvage"}
    assert presets.resolved({"preset": None, "priority": 1}) == {"preset": None, "priority": 1}
