"""One stack of real processes for all faults, and one undisturbed run of the batch that they disturb."""

from collections.abc import Iterator

import pytest

from tests.support.faults import Harmed, Run
from tests.support.proxy import proxy_to
from tests.support.redis_server import redis_server
from tests.support.stack import running


@pytest.fixture(scope="session")
def whole_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harmed]:
    """Return the stack, with a Redis of ours behind a proxy; leases are short, so that faults show soon."""
    folder = tmp_path_factory.mktemp("faults")
    with (
        redis_server(folder / "redis") as server,
        proxy_to(server.port) as proxy,
        pytest.MonkeyPatch.context() as own,
    ):
        own.setenv("REDIS_URL", f"redis://127.0.0.1:{proxy.port}/0")
        own.setenv("RAYJOBS_LEASE_S", "3")
        own.setenv("RAYJOBS_CHUNK_CAP_MS", "300")
        with running(folder / "stack") as stack:
            yield Harmed(stack, server, proxy)


@pytest.fixture(scope="session")
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
