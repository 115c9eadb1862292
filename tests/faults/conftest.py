"""Two stacks of real processes for all faults, and of each an undisturbed run of the batch that they disturb.

One has its Redis outside, behind a proxy; the other is whole, and ended by the last file that needs it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.batches import finished, outputs
from tests.support.broken_decoder import HOOK
from tests.support.faults import Harmed, Run, harmed_stack
from tests.support.pictures import SAMPLES
from tests.support.stack import Stack, running
from tests.support.supervised import COUNT, send


@pytest.fixture(scope="package")
def whole_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harmed]:
    with harmed_stack(tmp_path_factory.mktemp("faults"), {"RAYJOBS_CHUNK_CAP_MS": "300"}) as whole:
        yield whole


@pytest.fixture(scope="package")
def clean(whole_stack: Harmed) -> Run:
    """Return the run that nothing disturbed."""
    run = whole_stack.run()
    assert run.counts["succeeded"] == run.counts["total"] == len(run.outputs)
    return run


@pytest.fixture
def harmed(whole_stack: Harmed) -> Iterator[Harmed]:
    """Return the stack, whole before and after the test."""
    whole_stack.is_whole()
    yield whole_stack
    whole_stack.proxy.mend()
    whole_stack.is_whole()


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {**HOOK, "RAYJOBS_ITEM_DEADLINE_S": "10"}
    with running(tmp_path_factory.mktemp("own"), environment=environment) as stack:
        yield stack


@pytest.fixture(scope="package")
def folder(own: Stack) -> Path:
    folder = own.folder / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        shutil.copy(SAMPLES / "brushes_640x480.jpg", folder / f"{index:02d}.jpg")
    return folder


@pytest.fixture(scope="package")
def undisturbed(own: Stack, folder: Path) -> dict[str, bytes]:
    batch = finished(own, send(own, folder))
    assert batch["counts"]["succeeded"] == COUNT
    return outputs(own, batch["id"])
