"""A running local stack for the tests that need one: the product's own, on free ports, in its own folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rayjobs_cli.targets.client import Client
from rayjobs_cli.targets.local import stack as stacks
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.plan import LocalOptions


@dataclass(frozen=True)
class Stack:
    """A stack that is ready."""

    folder: Path

    @property
    def state(self) -> states.State:
        """What its state file says at this moment."""
        state = states.read(self.folder)
        assert state is not None
        return state

    @property
    def api(self) -> str:
        """The URL of its API."""
        return self.state.plan.api_url

    @property
    def redis_url(self) -> str:
        """The URL of its Redis, with the password."""
        return self.state.plan.redis_url

    @property
    def pids(self) -> dict[str, int]:
        """The process number of each part."""
        return self.state.pids

    @property
    def client(self) -> Client:
        """A client of its API."""
        return Client(self.api)


@pytest.fixture(scope="session", name="stack")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for the whole session; a test that harms it starts its own by `running`."""
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@contextmanager
def running(folder: Path, *, slots: int = 2, environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Give a stack under `folder`, which is its root for sources too; it is ended afterwards.

    Its processes inherit `environment`, and nothing that is started after them does.
    """
    order = LocalOptions(folder=folder, api_port=0, dashboard_port=0, slots=slots, roots=(folder,))
    with pytest.MonkeyPatch.context() as own:
        for name, value in (environment or {}).items():
            own.setenv(name, value)
        stacks.deploy(order, lambda _: None)
    try:
        yield Stack(folder)
    finally:
        stacks.down(folder)
