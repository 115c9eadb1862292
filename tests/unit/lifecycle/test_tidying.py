"""What the dead leave in the store goes; what is in use stays."""

import os
import time
from pathlib import Path

import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.lifecycle.tidying import Tidying
from rayjobs.model import ids
from rayjobs.record.layout import Record
from rayjobs.settings import Settings

AGE_S = 100.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def tidying(root: Path) -> Tidying:
    settings = Settings(tidy_after_s=AGE_S, item_deadline_s=20, body_silence_s=20)
    return Tidying(Record(FileStore(str(root))), settings)


def left(path: Path, age_s: float) -> Path:
    """Write a file, and make it and its folder as old as that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    at_s = time.time() - age_s
    os.utime(path, (at_s, at_s))
    os.utime(path.parent, (at_s, at_s))
    return path


def made(prefix: str, age_s: float, monkeypatch: pytest.MonkeyPatch) -> str:
    at_ns = time.time_ns() - int(age_s * 1e9)
    with monkeypatch.context() as then:
        then.setattr("rayjobs.model.ids.time.time_ns", lambda: at_ns)
        return ids.new_id(prefix)


@pytest.mark.parametrize(
    "where", ["uploads/u_1/.part-1", "outputs/.parts/1/.part-1", "outputs/.parts/1/0.jpg"]
)
def test_what_was_half_written_goes_with_its_folder_once_it_is_old(
    tidying: Tidying, root: Path, where: str
) -> None:
    old = left(root / where, AGE_S + 10)
    tidying.run()
    assert not old.parent.exists()
    young = left(root / where, AGE_S - 10)
    tidying.run()
    assert young.exists()


def test_what_was_sent_stays_for_ever(tidying: Tidying, root: Path) -> None:
    sent = left(root / "uploads" / "u_1" / "a.jpg", 10**6)
    half = left(root / "uploads" / "u_1" / ".part-1", AGE_S + 10)
    tidying.run()
    assert (sent.exists(), half.exists()) == (True, False)


def test_an_empty_folder_that_is_in_use_is_made_again(tidying: Tidying, root: Path) -> None:
    parts = left(root / "outputs" / ".parts" / "1" / ".part-1", AGE_S + 10).parent
    store = FileStore(str(root), "outputs/.parts/1")
    tidying.run()
    assert not parts.exists()
    store.put("outputs/b_1/0.jpg", b"picture")
    assert store.put_new("record/b_1/results/0-1-1.jsonl", b"commit")
    assert (root / "outputs" / "b_1" / "0.jpg").read_bytes() == b"picture"


def test_the_record_of_a_submission_that_died_goes(
    tidying: Tidying, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, young = made("b", AGE_S + 10, monkeypatch), made("b", AGE_S - 10, monkeypatch)
    lives, foreign = made("b", AGE_S + 10, monkeypatch), "b_1"
    for batch_id in (dead, young, lives, foreign):
        left(root / "record" / batch_id / "items" / "0.jsonl", AGE_S + 10)
    left(root / "open" / dead, AGE_S + 10)
    (root / "record" / lives / "spec.json").write_text("{}", encoding="utf-8")
    tidying.run()
    assert {path.name for path in (root / "record").iterdir()} == {young, lives, foreign}
    assert list((root / "open").iterdir()) == []


def test_a_submission_is_looked_at_again_until_it_is_old(
    tidying: Tidying, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = made("b", AGE_S - 10, monkeypatch)
    page = left(root / "record" / young / "items" / "0.jsonl", AGE_S)
    tidying.run()
    assert page.exists()
    later_s = time.time() + 20
    monkeypatch.setattr("rayjobs.lifecycle.tidying.time.time", lambda: later_s)
    tidying.run()
    assert not page.exists()


def test_the_age_is_above_whatever_a_write_may_take() -> None:
    settings = Settings(tidy_after_s=1, item_deadline_s=120, body_silence_s=30)
    assert Tidying(Record(FileStore("nowhere")), settings).interval_s == 120


def test_an_id_tells_when_it_was_made() -> None:
    assert ids.made_s(ids.new_id("b")) == pytest.approx(time.time(), abs=2)
    assert (ids.made_s("b_1"), ids.made_s("b_" + "U" * 20)) == (None, None)
