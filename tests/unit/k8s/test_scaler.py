import asyncio
from pathlib import Path
from typing import Any

import pytest

from rayjobs_k8s.deploy import render
from rayjobs_k8s.errors import DeployError, UnreachableError
from rayjobs_k8s.scaling import scaler
from rayjobs_k8s.scaling.min_replicas import Group
from rayjobs_k8s.scaling.scaler import PODS, RAY_CLUSTERS, SCALERS, look
from tests.support.ray_cluster import ApiServer, Kind, nothing, pod, ray_cluster
from tests.support.waiting import wait_until

AWAY = "connection refused"


def fail_on(api: ApiServer, call: str, kind: Kind) -> None:
    """Let one kind of call fail until `heal`."""

    def before(name: str, of: Kind) -> None:
        if (name, of) == (call, kind):
            raise UnreachableError(AWAY)

    api.before = before


def heal(api: ApiServer) -> None:
    api.before = nothing


def patched(api: ApiServer) -> list[tuple[str, str]]:
    return [
        (operation["op"], operation["path"])
        for kind, operations in api.patches
        for operation in operations
        if kind == RAY_CLUSTERS
    ]


@pytest.mark.parametrize(
    ("wish", "most", "floor", "reason"),
    [
        (4, 10, 4, "Followed"),
        (0, 10, 1, "Clamped"),
        (25, 10, 10, "Clamped"),
        (10, 10, 10, "Followed"),
        (3, 0, 0, "Clamped"),
    ],
)
def test_the_floor_is_the_wish_within_one_and_the_maximum(
    wish: int, most: int, floor: int, reason: str
) -> None:
    api = ApiServer(cluster=ray_cluster(floor=2, most=most), wish=wish)
    look(api, "rayjobs")
    assert api.group["minReplicas"] == floor
    assert api.scaler["status"]["floor"] == floor
    assert (api.condition["status"], api.condition["reason"]) == ("True", reason)


def test_nothing_but_the_floor_is_touched_and_the_groups_name_is_tested() -> None:
    api = ApiServer(cluster=ray_cluster(replicas=7, groups=("others",)), wish=4)
    look(api, "rayjobs")
    at = "/spec/workerGroupSpecs/1"
    assert patched(api) == [("test", f"{at}/groupName"), ("add", f"{at}/minReplicas")]
    assert (api.group["replicas"], api.group["maxReplicas"]) == (7, 10)


def test_what_is_right_is_left_alone() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    look(api, "rayjobs")
    done = len(api.patches)
    look(api, "rayjobs")
    assert len(api.patches) == done


def test_a_group_without_a_floor_gets_one() -> None:
    api = ApiServer(cluster=ray_cluster())
    del api.group["minReplicas"]
    look(api, "rayjobs")
    assert api.group["minReplicas"] == 1


def test_the_status_counts_pods_that_stay_and_those_that_are_ready() -> None:
    api = ApiServer(cluster=ray_cluster())
    api.pods = [
        pod("a"), pod("b", ready=False), pod("c", ending=True), pod("d", phase="Failed", ready=False),
        {"metadata": {"name": "not scheduled yet"}},
    ]  # fmt: skip
    look(api, "rayjobs")
    status = api.scaler["status"]
    assert (status["replicas"], status["readyReplicas"], status["maxReplicas"]) == (3, 1, 10)
    assert status["selector"] == "ray.io/cluster=rayjobs,ray.io/group=workers,ray.io/node-type=worker"


def test_the_selector_is_there_before_the_cluster_so_that_the_hpa_never_fails_for_want_of_it() -> None:
    api = ApiServer(cluster=None, wish=3)
    look(api, "rayjobs")
    assert api.scaler["status"]["selector"]
    assert "floor" not in api.scaler["status"]
    assert (api.condition["status"], api.condition["reason"]) == ("False", "RayClusterMissing")
    api.cluster = ray_cluster()
    look(api, "rayjobs")
    assert (api.condition["reason"], api.group["minReplicas"]) == ("Followed", 3)


def test_a_missing_group_is_told_and_nothing_is_patched() -> None:
    cluster = ray_cluster()
    cluster["spec"]["workerGroupSpecs"][0]["groupName"] = "others"
    api = ApiServer(cluster=cluster, wish=3)
    look(api, "rayjobs")
    assert (api.condition["reason"], patched(api)) == ("WorkerGroupMissing", [])
    assert "no group workers" in api.condition["message"]


def test_a_cluster_without_groups_is_one_where_it_is_missing() -> None:
    cluster = ray_cluster()
    del cluster["spec"]["workerGroupSpecs"]
    api = ApiServer(cluster=cluster)
    look(api, "rayjobs")
    assert api.condition["reason"] == "WorkerGroupMissing"


def test_groups_that_are_reordered_meanwhile_are_not_mixed_up() -> None:
    api = ApiServer(cluster=ray_cluster(groups=("others",)), wish=4)

    def reorder(call: str, kind: Kind) -> None:
        if (call, kind) == ("patch", RAY_CLUSTERS):
            api.groups.reverse()
            heal(api)

    api.before = reorder
    look(api, "rayjobs")
    floors = {group["groupName"]: group["minReplicas"] for group in api.groups}
    assert floors == {"others": 1, "workers": 1}
    assert (api.condition["reason"], api.scaler["status"]["floor"]) == ("Refused", 1)
    look(api, "rayjobs")
    floors = {group["groupName"]: group["minReplicas"] for group in api.groups}
    assert floors == {"others": 1, "workers": 4}


@pytest.mark.parametrize(
    ("call", "kind"),
    [("get", RAY_CLUSTERS), ("patch", RAY_CLUSTERS), ("find", PODS), ("patch", SCALERS)],
)
def test_after_any_call_that_failed_the_next_look_puts_it_right(call: str, kind: Kind) -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    fail_on(api, call, kind)
    look(api, "rayjobs")
    heal(api)
    look(api, "rayjobs")
    assert (api.group["minReplicas"], api.condition["reason"]) == (4, "Followed")


def test_an_api_server_that_is_away_is_told_to_the_loop() -> None:
    api = ApiServer(cluster=ray_cluster())
    fail_on(api, "find", SCALERS)
    with pytest.raises(DeployError, match=AWAY):
        look(api, "rayjobs")


def test_one_scaler_that_fails_does_not_stop_the_next() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    broken: dict[str, Any] = {
        "metadata": {"name": "broken", "namespace": "rayjobs"},
        "spec": {"cluster": "rayjobs", "group": "workers"},
    }
    api.scalers.insert(0, broken)
    fail_on(api, "patch", SCALERS)
    look(api, "rayjobs")
    assert api.group["minReplicas"] == 4


def test_the_time_of_a_condition_changes_only_with_its_state() -> None:
    api = ApiServer(cluster=None)
    look(api, "rayjobs")
    api.condition["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    look(api, "rayjobs")
    assert api.condition["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    api.cluster = ray_cluster()
    look(api, "rayjobs")
    assert api.condition["lastTransitionTime"] != "2020-01-01T00:00:00Z"


def test_a_group_is_found_by_its_name() -> None:
    cluster = ray_cluster(groups=("others",))
    assert Group.of(cluster, "workers") == Group(1, "workers", 1, 10)
    assert Group.of(cluster, "nobody") is None
    assert Group.of(None, "workers") is None


def test_the_role_allows_what_is_done_and_nothing_else() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    resources = {SCALERS: "workergroupscalers", RAY_CLUSTERS: "rayclusters", PODS: "pods"}
    done = {(verb, name) for name in resources.values() for verb in ("list", "watch")}  # kopf's own

    def note(call: str, kind: Kind) -> None:
        status = "/status" if (call, kind) == ("patch", SCALERS) else ""
        done.add(({"find": "list"}.get(call, call), resources[kind] + status))

    api.before = note
    look(api, "rayjobs")
    manifest = render.load(Path(render.__file__).parents[1] / "manifests" / "70-scaler.yaml")
    (role,) = [each for each in manifest if each["kind"] == "Role"]
    allowed = {(verb, name) for rule in role["rules"] for verb in rule["verbs"] for name in rule["resources"]}
    assert allowed == done


def test_the_loop_outlives_an_api_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaler, "_SETTLE_S", 0.01)
    monkeypatch.setattr(scaler, "_LOOK_S", 0.01)
    api = ApiServer(cluster=ray_cluster(), wish=4)
    asked: list[Kind] = []

    def away(_call: str, kind: Kind) -> None:
        asked.append(kind)
        raise UnreachableError(AWAY)

    api.before = away

    async def wait_out() -> None:
        loop = asyncio.create_task(scaler.keep(api, "rayjobs", asyncio.Event()))
        await asyncio.to_thread(wait_until, lambda: len(asked) > 1, 5, "two tries")
        heal(api)
        await asyncio.to_thread(wait_until, lambda: api.group["minReplicas"] == 4, 5, "the floor")
        loop.cancel()

    asyncio.run(wait_out())


def test_an_event_wakes_the_loop_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaler, "_LOOK_S", 60.0)
    api = ApiServer(cluster=ray_cluster())

    async def be_woken() -> None:
        wake = asyncio.Event()
        loop = asyncio.create_task(scaler.keep(api, "rayjobs", wake))
        await asyncio.to_thread(wait_until, lambda: "status" in api.scaler, 5, "the first look")
        api.wish(4)
        wake.set()
        await asyncio.to_thread(wait_until, lambda: api.group["minReplicas"] == 4, 5, "the floor")
        loop.cancel()

    asyncio.run(be_woken())
