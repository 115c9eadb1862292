"""The outputs' disk refuses: each item says so, nothing half-written is left, and a retry finishes."""

import sys
from pathlib import Path

import pytest

from rayjobs.model.batch import State
from tests.support.system import System

READ_ONLY = Path("/sys/kernel")
"""A file system in which not even root may make a file."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that refuses root")
def test_outputs_on_a_read_only_disk_are_denied_one_by_one(whole_farm: System, pictures: Path) -> None:
    place = Path(whole_farm.settings.store) / "outputs"
    place.parent.mkdir(parents=True)
    place.symlink_to(READ_ONLY)
    whole_farm.dispatch()
    batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}))
    assert (batch.state, batch.errors_by_code) == (State.FAILED, {"output_denied": 12})
    place.unlink()
    whole_farm.intake.retry(batch.id)
    batch = whole_farm.finished(batch.id)
    assert (batch.state, len(whole_farm.outputs(batch.id))) == (State.SUCCEEDED, 12)
