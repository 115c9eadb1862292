"""Every variable of the settings table holds with every target, or is refused by its name."""

import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayjobs import places
from rayjobs.settings import Settings, variable
from rayjobs_cli.commands import launch, scale
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.targets import variables
from rayjobs_cli.targets.local import stack as stacks
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.plan import LocalOptions, decide
from rayjobs_cli.targets.local.processes import identify
from rayjobs_cli.targets.local.services import services
from rayjobs_cli.targets.local.state import State, Status
from rayjobs_k8s.deploy import render
from rayjobs_k8s.names import API_IMAGE, RAY_IMAGE

TABLE = sorted(map(variable, Settings.model_fields))
SAMPLES = str(places.SAMPLES)
CONTAINERS = {"agent", "ray-worker", "dispatcher", "api"}
"""Containers of a cluster that run rayjobs with settings."""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TABLE:
        monkeypatch.delenv(name, raising=False)


def told(folder: Path, environment: dict[str, str]) -> list[dict[str, str]]:
    plan = decide(LocalOptions(folder, 0, 0), environment)
    started = [service for service in services(plan, environment) if service.name not in {"redis", "ray"}]
    return [service.environment for service in started]


@pytest.mark.parametrize("name", TABLE)
def test_each_reaches_every_process_on_this_machine(name: str, tmp_path: Path) -> None:
    value = str(tmp_path / "mine")
    for environment in told(tmp_path, {name: value}):
        ours = [SAMPLES] if name == "RAYJOBS_ROOTS" else []
        assert environment[name].split(os.pathsep if ours else None) == [*ours, value]


def pods(settings: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    values = render.Values({API_IMAGE: "api:1", RAY_IMAGE: "ray:1"}, settings=settings)
    for spec in (one for each in render.system(values) for one in render.pod_specs(each)):
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            found = [one["name"] for one in container.get("env", ())]
            assert len(set(found)) == len(found), "a name that is there twice"
            yield container["name"], {one["name"]: one.get("value", "") for one in container.get("env", ())}


@pytest.mark.parametrize("name", sorted(set(TABLE) - variables.ON_A_CLUSTER.keys()))
def test_each_reaches_every_process_on_a_cluster(name: str) -> None:
    variables.refuse({name: "7"}, variables.ON_A_CLUSTER)
    holding = {container for container, environment in pods({name: "7"}) if environment.get(name) == "7"}
    assert holding == CONTAINERS


@pytest.mark.parametrize("name", variables.ON_A_CLUSTER)
def test_or_a_cluster_refuses_it_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in TABLE
    monkeypatch.setenv(name, "mine")  # a value that each of them may have
    with pytest.raises(CommandError) as raised:
        launch.launch(Namespace(target="k8s", roots=(), slots=None), print)
    assert (raised.value.code, raised.value.status) == ("setting_has_no_place", ExitStatus.USAGE)
    assert f"{name} is set" in raised.value.detail
    assert raised.value.remedy.startswith(variables.ON_A_CLUSTER[name])


def test_all_that_are_refused_are_told_at_once() -> None:
    environment = {"REDIS_URL": "redis://:secret@x", "RAYJOBS_POD": "p", "RAYJOBS_WORKER_ID": "w"}
    with pytest.raises(CommandError, match="REDIS_URL, RAYJOBS_WORKER_ID and RAYJOBS_POD are set") as raised:
        variables.refuse(environment, variables.ON_A_CLUSTER)
    assert "secret" not in str(raised.value)
    assert raised.value.remedy.count("the name of its pod") == 1


@pytest.mark.parametrize(("option", "value"), [("roots", (Path("/x"),)), ("slots", 3)])
def test_an_option_that_a_cluster_has_no_place_for_is_refused_too(option: str, value: object) -> None:
    given = Namespace(**{"target": "k8s", "roots": (), "slots": None, option: value})
    with pytest.raises(CommandError, match=f"--{option} can't hold on a cluster"):
        launch.launch(given, print)


def test_a_dollar_reaches_a_pod_as_it_is() -> None:
    # Kubernetes reads `$(NAME)` as another variable, and `$$` as a dollar.
    name = "RAYJOBS_DASHBOARD_URL"
    assert {each[name] for _, each in pods({name: "http://x/$(Y)"}) if name in each} == {"http://x/$$(Y)"}


@pytest.mark.parametrize("target", ["local", "k8s"])
def test_a_value_that_makes_no_sense_is_told_before_anything_starts(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYJOBS_MAX_PIXELS", "many")
    given = Namespace(target=target, state=tmp_path, port=0, dashboard_port=0, slots=None, roots=())
    with pytest.raises(CommandError, match="RAYJOBS_MAX_PIXELS='many'") as raised:
        launch.launch(given, print)
    assert raised.value.code == "bad_setting"
    assert list(tmp_path.iterdir()) == []


def test_paths_are_those_of_the_user_s_own_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {
        "RAYJOBS_ROOTS": os.pathsep.join(["a", "", "b"]),
        "RAYJOBS_STORE": "c",
        "RAYJOBS_API_KEYS_FILE": "keys",
        "RAYJOBS_NAMESPACE": "d",
        "RAYJOBS_POD": "",
    }
    assert variables.given(environment) == {
        "RAYJOBS_ROOTS": os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]),
        "RAYJOBS_STORE": str(tmp_path / "c"),
        "RAYJOBS_API_KEYS_FILE": str(tmp_path / "keys"),
        "RAYJOBS_NAMESPACE": "d",
    }
    assert variables.given({"RAYJOBS_STORE": "file:///srv"}) == {"RAYJOBS_STORE": "file:///srv"}


def test_folders_of_the_option_and_of_the_variable_are_both_read(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    order = LocalOptions(tmp_path, 0, 0, roots=(folders[0],))
    plan = decide(order, {"RAYJOBS_ROOTS": os.pathsep.join(map(str, folders))})
    assert plan.roots == (Path(SAMPLES), *folders)


def test_another_value_for_what_runs_already_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = LocalOptions(tmp_path, 0, 0)
    plan = decide(order, {"RAYJOBS_MAX_FRAMES": "5", "RAYJOBS_MAX_PIXELS": "7"})
    ready = {"api": Status(phase="ready")}
    states.write(tmp_path, State(plan=plan, supervisor=identify(os.getpid()), services=ready))
    monkeypatch.setenv("RAYJOBS_MAX_FRAMES", "5")
    assert stacks.deploy(order, print).changed is False
    monkeypatch.setenv("RAYJOBS_MAX_FRAMES", "6")
    with pytest.raises(CommandError, match=f"RAYJOBS_MAX_FRAMES is set, .* {tmp_path} was started") as raised:
        stacks.deploy(order, print)
    assert (raised.value.code, "--down" in raised.value.remedy) == ("settings_differ", True)


@pytest.mark.parametrize("name", ["REDIS_URL", "RAY_ADDRESS", "RAYJOBS_STORE"])
def test_the_measurement_of_a_million_items_refuses_what_it_starts_itself(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(CommandError, match=name), scale._system(tmp_path):
        pytest.fail("it began")
