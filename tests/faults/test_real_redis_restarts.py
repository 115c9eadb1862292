"""Redis is killed in mid-batch, and comes back with its append-only file or with nothing of what it knew."""

import shutil
from collections.abc import Callable

import pytest

from tests.support.faults import Harmed, Run, assert_equal


def with_its_file(own: Harmed) -> None:
    own.server.kill()


def with_nothing(own: Harmed) -> None:
    own.server.kill()
    shutil.rmtree(own.server.folder / "appendonlydir")


@pytest.mark.parametrize("loss", [with_its_file, with_nothing])
def test_the_batch_goes_on(harmed: Harmed, clean: Run, loss: Callable[[Harmed], None]) -> None:
    def restart(own: Harmed, _batch_id: str) -> None:
        loss(own)
        own.server.start()

    assert_equal(clean, harmed.run(restart), slower_s=10)
