import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayjobs.places import SAMPLES
from rayjobs_cli.targets.local import ray_folder
from rayjobs_cli.targets.local.plan import LocalOptions, Plan, decide
from rayjobs_cli.targets.local.services import Service, prepare, services


def plan(folder: Path, **environment: str) -> Plan:
    return decide(LocalOptions(folder, 0, 0, slots=3), environment)


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Plan]:
    stack = plan(tmp_path / ("deep" * 20))
    prepare(stack)
    yield stack
    ray_folder.forget(stack.stack)


def by_name(plan: Plan) -> dict[str, Service]:
    return {service.name: service for service in services(plan, {})}


def test_each_service_needs_only_what_is_started_before_it(tmp_path: Path) -> None:
    started: set[str] = set()
    for service in services(plan(tmp_path), {}):
        assert started.issuperset(service.needs)
        started.add(service.name)
    assert started == {"redis", "ray", "api", "dispatcher", "agent"}


def test_what_the_user_brings_is_neither_started_nor_waited_for(tmp_path: Path) -> None:
    brought = {"REDIS_URL": "redis://db/0", "RAY_ADDRESS": "head:6379"}
    found = by_name(plan(tmp_path, **brought))
    assert set(found) == {"api", "dispatcher", "agent"}
    assert all(service.needs == service.follows == () for service in found.values())
    assert found["dispatcher"].environment["RAY_ADDRESS"] == "head:6379"


def test_every_process_gets_the_settings_that_they_share(tmp_path: Path) -> None:
    stack = plan(tmp_path)
    for service in services(stack, {"KEPT": "yes", "PYTHONPATH": "mine"}):
        environment = service.environment
        assert environment["REDIS_URL"] == stack.redis_url
        assert environment["RAYJOBS_STORE"] == str(tmp_path / "store")
        assert environment["RAYJOBS_SLOT_STATUS"] == str(tmp_path / "slots")
        assert environment["RAYJOBS_ROOTS"] == str(SAMPLES)
        assert environment["PYTHONPATH"] == "mine"
        assert environment["VIPS_CONCURRENCY"] == "1"
        assert environment["KEPT"] == "yes"


def test_ray_starts_a_cluster_and_joins_none(tmp_path: Path) -> None:
    stack = plan(tmp_path)
    found = by_name(stack)
    assert "RAY_ADDRESS" not in found["ray"].environment
    assert found["dispatcher"].environment["RAY_ADDRESS"] == stack.ray_address
    assert "--num-cpus=3" in found["ray"].command
    assert found["dispatcher"].follows == ("ray",)


def test_the_password_is_in_a_file_of_ours_and_on_no_command_line(prepared: Plan) -> None:
    stack = prepared
    file = stack.folder / "redis" / "valkey.conf"
    assert stack.redis_password in file.read_text(encoding="utf-8")
    assert "maxmemory-policy noeviction" in file.read_text(encoding="utf-8")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for service in services(stack, {}):
        assert stack.redis_password not in " ".join(service.command)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets there have no path")
def test_a_long_path_is_reached_by_a_short_link_that_goes_with_the_stack(prepared: Plan) -> None:
    real, link = ray_folder.real(prepared.folder), ray_folder.usable(prepared.folder, prepared.stack)
    assert link != real
    assert link.resolve() == real.resolve()
    assert f"--temp-dir={link}" in by_name(prepared)["ray"].command
    ray_folder.forget(prepared.stack)
    assert not link.is_symlink()
    assert real.is_dir()


def test_a_short_path_needs_no_link() -> None:
    assert ray_folder.usable(Path("/srv/rayjobs"), "s") == Path("/srv/rayjobs/ray")


def test_sessions_of_earlier_stacks_are_removed(prepared: Plan) -> None:
    real = ray_folder.real(prepared.folder)
    (real / "session_old").mkdir()
    prepare(prepared)
    assert list(real.iterdir()) == []
