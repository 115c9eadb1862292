import importlib.util
import os
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from rayjobs.places import SAMPLES
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.local.plan import LOOPBACK, LocalOptions, decide, free_ports


class Usage(NamedTuple):
    """As `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


def order(folder: Path) -> LocalOptions:
    return LocalOptions(folder, api_port=0, dashboard_port=0)


def refusal(order: LocalOptions) -> CommandError:
    with pytest.raises(CommandError) as raised:
        decide(order, {})
    return raised.value


def test_two_plans_share_no_port_and_no_secret(tmp_path: Path) -> None:
    plans = [decide(order(tmp_path), {}) for _ in range(2)]
    assert len({plan.redis_password for plan in plans}) == 2
    assert len({plan.stack for plan in plans}) == 2
    for plan in plans:
        assert plan.ray_ports is not None
        ports = [*plan.ray_ports.model_dump().values(), plan.api_port, plan.redis_port, plan.dashboard_port]
        assert len(set(ports)) == len(ports)


def test_by_default_there_is_a_slot_a_core_and_the_samples_may_be_read(tmp_path: Path) -> None:
    plan = decide(LocalOptions(tmp_path, 0, 0, roots=(tmp_path,)), {})
    assert plan.slots == os.cpu_count()
    assert plan.roots == (SAMPLES, tmp_path)


def test_a_redis_and_a_ray_of_the_user_replace_the_embedded_ones(tmp_path: Path) -> None:
    environment = {"REDIS_URL": "redis://db:6379/3", "RAY_ADDRESS": "10.0.0.1:6379"}
    plan = decide(LocalOptions(tmp_path, api_port=0), environment)
    assert (plan.redis_url, plan.redis_port, plan.redis_password) == ("redis://db:6379/3", None, "")
    assert (plan.ray_address, plan.ray_ports, plan.dashboard_url) == ("10.0.0.1:6379", None, None)


@pytest.mark.parametrize("name", ["api_port", "dashboard_port"])
def test_a_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path, name: str) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = refusal(LocalOptions(tmp_path, **{"api_port": 0, "dashboard_port": 0, name: port}))
    assert error.code == "port_taken"
    assert str(port) in error.detail
    assert f"{'--dashboard-port' if name.startswith('dash') else '--port'} 0" in error.remedy


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as probe:
        probe.bind((LOOPBACK, ports[0]))


def test_a_full_disk_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40, 5 * 2**20))
    error = refusal(order(tmp_path))
    assert error.code == "no_space"
    assert "5 MiB free" in error.detail


def test_a_state_directory_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(order(tmp_path / "file" / "state")).code == "state_denied"


def test_where_no_redis_is_shipped_two_remedies_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    error = refusal(order(tmp_path))
    assert error.code == "no_redis"
    assert "REDIS_URL" in error.remedy
    assert "WSL" in error.remedy
