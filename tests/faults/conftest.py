"""One stack of real processes for all faults, and one undisturbed run of the batch that they disturb."""

from collections.abc import Iterator

import pytest

from tests.support.faults import Harmed, Run, harmed_stack


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the dispatchers of this process look round often, so that a test waits for little else."""
    monkeypatch.setattr("rayjobs.dispatch._TICK_S", 0.2)
    monkeypatch.setattr("rayjobs.dispatch._CHECK_S", 1.0)


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
