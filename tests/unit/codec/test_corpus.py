"""The engine renders some 2000 files, most of them damaged, in its own process: each has one outcome."""

from pathlib import Path

import pytest

from rayjobs.errors import ITEM_ERRORS
from tests.support import corpus, hostile_files
from tests.support.outcomes import Result, outcomes

SLOWEST_REFUSAL_MS = 200.0
SLOWEST_CROWD_MS = 1000.0
"""Milliseconds for a file of 5,000 pages, all of which are counted, on a busy machine."""

GROWTH_MIB = 16.0
"""Growth of the peak memory while a bomb is refused: the buffers of a decoder, and no picture."""

LONGEST_MS = 5000.0
"""Milliseconds for any file of the corpus, which are all small, on a busy machine."""


@pytest.fixture(scope="module")
def good() -> corpus.Corpus:
    return corpus.good()


def unlike(results: dict[str, Result], *wanted: str) -> dict[str, Result]:
    return {name: result for name, result in results.items() if result.outcome not in wanted}


def test_every_good_file_is_rendered(good: corpus.Corpus, tmp_path: Path) -> None:
    assert len(good) >= 140
    assert unlike(outcomes(good, tmp_path), "rendered") == {}


def test_a_broken_file_is_rendered_or_fails_by_itself(good: corpus.Corpus, tmp_path: Path) -> None:
    results = outcomes(corpus.broken(good), tmp_path)
    assert len(results) >= 1700
    assert unlike(results, "rendered", *ITEM_ERRORS) == {}
    assert {name: result for name, result in results.items() if result.ms > LONGEST_MS} == {}


def test_the_extension_of_a_file_is_ignored(good: corpus.Corpus, tmp_path: Path) -> None:
    wrong = {f"{index}.{'jpg' if 'png' in name else 'png'}": good[name] for index, name in enumerate(good)}
    assert unlike(outcomes(wrong, tmp_path), "rendered") == {}


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert unlike(outcomes(corpus.no_pictures(), tmp_path), "unsupported_format") == {}


def test_a_bomb_is_refused_at_once_with_flat_memory(tmp_path: Path) -> None:
    bombs = hostile_files.bombs()
    results = outcomes({name: data for name, (data, _) in bombs.items()}, tmp_path)
    assert {name: result.outcome for name, result in results.items()} == {
        name: code for name, (_, code) in bombs.items()
    }
    assert {n: r for n, r in results.items() if r.ms > SLOWEST_REFUSAL_MS or r.grown_mib > GROWTH_MIB} == {}


def test_of_thousands_of_frames_one_is_read_at_once_and_all_are_refused(tmp_path: Path) -> None:
    many = hostile_files.many_frames()
    for name, result in outcomes(many, tmp_path / "one").items():
        assert (result.outcome, result.ms < SLOWEST_CROWD_MS, result.grown_mib < GROWTH_MIB) == (
            "rendered",
            True,
            True,
        ), (name, result)
    moving = {name: many[name] for name in ("gif", "webp")}
    every = {"pipeline": [], "output": {"format": "webp", "frames": "all"}}
    for name, result in outcomes(moving, tmp_path / "all", every).items():
        assert (result.outcome, "more than 200 frames" in result.detail) == ("too_many_frames", True), name


def test_a_refusal_names_limit_value_and_setting(tmp_path: Path) -> None:
    bombs = {name: data for name, (data, code) in hostile_files.bombs().items() if code != "decode_failed"}
    for name, result in outcomes(bombs, tmp_path).items():
        assert "RAYJOBS_MAX_" in result.detail, name
        assert "the limit is" in result.detail, name


def test_the_death_of_a_process_is_reported_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYJOBS_TEST_KILL_AT", "b")
    results = outcomes({"a": b"", "b": b"", "c": b""}, tmp_path)
    assert [results[name].outcome for name in "abc"] == [
        "unsupported_format",
        "killed by SIGSEGV",
        "unsupported_format",
    ]
