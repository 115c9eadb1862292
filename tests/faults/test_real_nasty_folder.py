"""On a running stack: five hundred good pictures among one of each entry that a listing may stumble over."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.batches import finished, submit
from tests.support.nasty import NASTY, picture
from tests.support.stack import Stack, running

GOOD = 500
LIMIT_S = 60


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running(tmp_path / "stack") as stack:
        yield stack


@pytest.mark.skipif(sys.platform != "linux", reason="these are made as Linux makes them")
def test_the_good_ones_succeed_and_each_other_is_told_in_time(stack: Stack) -> None:
    folder = stack.folder / "nasty"
    folder.mkdir()
    for number in range(GOOD):
        picture(folder / f"good{number:03d}.jpg")
    for kind in NASTY.values():
        kind.make(folder)
    good = GOOD + sum(kind.good for kind in NASTY.values())
    failed = Counter(code for kind in NASTY.values() for code in kind.failed)
    began = time.monotonic()
    batch = finished(
        stack,
        submit(stack, {"type": "folder", "path": str(folder)}, [{"name": "thumbnail", "size": 32}]),
        LIMIT_S,
    )
    print(
        {"seconds": round(time.monotonic() - began, 1), **batch["counts"], "errors": batch["errors_by_code"]}
    )
    assert (batch["state"], batch["counts"]["succeeded"]) == ("partial", good)
    assert batch["errors_by_code"] == failed
    assert Counter(each["code"] for each in batch["warnings"]) == Counter(
        code for kind in NASTY.values() for code in kind.told
    )
    assert batch["left_out"] == sum(kind.left_out for kind in NASTY.values())
