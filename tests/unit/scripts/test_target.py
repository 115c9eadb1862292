import io
import os
from argparse import Namespace
from pathlib import Path

import pytest

from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.cluster import state as cluster_states
from rayjobs_cli.targets.connection import connect
from rayjobs_cli.targets.local import state as local_states
from rayjobs_cli.targets.local.plan import LocalOptions, decide
from rayjobs_cli.targets.local.processes import identify
from rayjobs_cli.targets.local.state import ProcessId, State
from rayjobs_cli.targets.target import on_a_cluster, on_this_machine, without_password


@pytest.fixture
def local(tmp_path: Path) -> State:
    return State(plan=decide(LocalOptions(tmp_path, 0, 0), {}), supervisor=ProcessId(pid=1, created=0.0))


@pytest.fixture
def remote(tmp_path: Path) -> cluster_states.State:
    """Return the state of a system whose ports seem to be forwarded, by this process."""
    state = cluster_states.State(
        context="kind-dev",
        api_port=8000,
        dashboard_port=8265,
        api_key="secret",
        forwarder=identify(os.getpid()),
    )
    cluster_states.write(tmp_path, state)
    return state


def asked(folder: Path, **more: str) -> Namespace:
    return Namespace(**{"state": folder, "url": None, "api_key": None, "target": None} | more)


def test_the_password_of_redis_is_told_to_programs_and_not_shown_to_people(local: State) -> None:
    running = on_this_machine(local, changed=False)
    out = io.StringIO()
    running.show(Terminal(file=out, width=40))
    assert local.plan.redis_password not in out.getvalue()
    assert local.plan.api_url in out.getvalue()
    assert running.as_json()["redis"] == local.plan.redis_url


def test_only_a_password_is_hidden() -> None:
    assert without_password("redis://db:6379/0") == "redis://db:6379/0"
    assert without_password("rediss://me:secret@db:6379/1") == "rediss://me:***@db:6379/1"


def test_a_key_is_not_shown_but_where_it_is(remote: cluster_states.State, tmp_path: Path) -> None:
    out = io.StringIO()
    on_a_cluster(tmp_path, remote, changed=False).show(Terminal(file=out, width=40))
    assert remote.api_key not in out.getvalue()
    assert str(cluster_states.state_file(tmp_path)) in out.getvalue()


def test_a_system_on_a_cluster_is_found_with_its_key(remote: cluster_states.State, tmp_path: Path) -> None:
    client = connect(asked(tmp_path))
    assert client.url == remote.api_url
    assert client._headers == {"Authorization": "Bearer secret"}


def test_of_two_systems_one_must_be_named(remote: cluster_states.State, local: State, tmp_path: Path) -> None:
    assert local_states.create(tmp_path, local)
    with pytest.raises(CommandError) as raised:
        connect(asked(tmp_path))
    assert raised.value.code == "two_systems"
    assert connect(asked(tmp_path, target="k8s")).url == remote.api_url
    assert connect(asked(tmp_path, target="local")).url == local.plan.api_url


def test_without_a_running_system_one_is_told_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        connect(asked(tmp_path))
    assert raised.value.code == "not_running"


def test_a_url_goes_before_the_state_directory(tmp_path: Path) -> None:
    assert connect(asked(tmp_path, url="http://example.test/")).url == "http://example.test"
