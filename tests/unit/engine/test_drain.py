import os
import time
from pathlib import Path

from rayjobs.engine.drain import DrainMark


def test_a_mark_holds_until_it_is_lifted(tmp_path: Path) -> None:
    mark = DrainMark(tmp_path / "slots")
    assert not mark.holds()
    mark.put()
    assert mark.holds()
    mark.lift()
    assert not mark.holds()
    mark.lift()


def test_a_mark_that_nobody_keeps_fresh_says_nothing(tmp_path: Path) -> None:
    mark = DrainMark(tmp_path)
    mark.put()
    an_hour_ago = time.time() - 3600
    os.utime(tmp_path / "drain", (an_hour_ago, an_hour_ago))
    assert not mark.holds()
    mark.put()
    assert mark.holds()
