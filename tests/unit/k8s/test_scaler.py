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
    """Make one call on one kind fail until `heal`."""

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
    ("desired", "max_replicas", "min_replicas", "reason"),
    [
        (4, 10, 4, "Followed"),
        (0, 10, 1, "Clamped"),
        (25, 10, 10, "Clamped"),
        (10, 10, 10, "Followed"),
        (3, 0, 0, "Clamped"),
    ],
)
def test_min_replicas_is_what_the_hpa_asks_for_from_one_to_the_maximum(
    desired: int, max_replicas: int, min_replicas: int, reason: str
) -> None:
    api = ApiServer(cluster=ray_cluster(floor=2, most=max_replicas), wish=desired)
    look(api, "rayjobs")
    assert api.group["minReplicas"] == min_replicas
    assert api.scaler["status"]["floor"] == min_replicas
    assert (api.condition["status"], api.condition["reason"]) == ("True", reason)


def test_a_patch_tests_the_name_of_the_group_and_changes_min_replicas_alone() -> None:
    api = ApiServer(cluster=ray_cluster(replicas=7, groups=("others",)), wish=4)
    look(api, "rayjobs")
    path = "/spec/workerGroupSpecs/1"
    assert patched(api) == [("test", f"{path}/groupName"), ("add", f"{path}/minReplicas")]
    assert (api.group["replicas"], api.group["maxReplicas"]) == (7, 10)


def test_a_second_pass_over_the_same_objects_writes_nothing() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    look(api, "rayjobs")
    first = len(api.patches)
    look(api, "rayjobs")
    assert len(api.patches) == first


def test_a_group_without_min_replicas_gets_it() -> None:
    api = ApiServer(cluster=ray_cluster())
    del api.group["minReplicas"]
    look(api, "rayjobs")
    assert api.group["minReplicas"] == 1


def test_the_status_counts_the_pods_that_stay_and_the_ready_pods() -> None:
    api = ApiServer(cluster=ray_cluster())
    api.pods = [
        pod("a"), pod("b", ready=False), pod("c", ending=True), pod("d", phase="Failed", ready=False),
        {"metadata": {"name": "not scheduled yet"}},
    ]  # fmt: skip
    look(api, "rayjobs")
    status = api.scaler["status"]
    assert (status["replicas"], status["readyReplicas"], status["maxReplicas"]) == (3, 1, 10)
    assert status["selector"] == "ray.io/cluster=rayjobs,ray.io/group=workers,ray.io/node-type=worker"


def test_the_hpa_finds_the_selector_before_the_ray_cluster_exists() -> None:
    api = ApiServer(cluster=None, wish=3)
    look(api, "rayjobs")
    assert api.scaler["status"]["selector"]
    assert "floor" not in api.scaler["status"]
    assert (api.condition["status"], api.condition["reason"]) == ("False", "RayClusterMissing")
    api.cluster = ray_cluster()
    look(api, "rayjobs")
    assert (api.condition["reason"], api.group["minReplicas"]) == ("Followed", 3)


def test_a_missing_group_is_reported_and_nothing_is_patched() -> None:
    cluster = ray_cluster()
    cluster["spec"]["workerGroupSpecs"][0]["groupName"] = "others"
    api = ApiServer(cluster=cluster, wish=3)
    look(api, "rayjobs")
    assert (api.condition["reason"], patched(api)) == ("WorkerGroupMissing", [])
    assert "no group workers" in api.condition["message"]


def test_a_cluster_without_any_group_lacks_the_group() -> None:
    cluster = ray_cluster()
    del cluster["spec"]["workerGroupSpecs"]
    api = ApiServer(cluster=cluster)
    look(api, "rayjobs")
    assert api.condition["reason"] == "WorkerGroupMissing"


def test_groups_that_are_reordered_during_a_pass_are_not_mixed_up() -> None:
    api = ApiServer(cluster=ray_cluster(groups=("others",)), wish=4)

    def reorder(call: str, kind: Kind) -> None:
        if (call, kind) == ("patch", RAY_CLUSTERS):
            api.groups.reverse()
            heal(api)

    api.before = reorder
    look(api, "rayjobs")
    numbers = {group["groupName"]: group["minReplicas"] for group in api.groups}
    assert numbers == {"others": 1, "workers": 1}
    assert (api.condition["reason"], api.scaler["status"]["floor"]) == ("Refused", 1)
    look(api, "rayjobs")
    numbers = {group["groupName"]: group["minReplicas"] for group in api.groups}
    assert numbers == {"others": 1, "workers": 4}


@pytest.mark.parametrize(
    ("call", "kind"),
    [("get", RAY_CLUSTERS), ("patch", RAY_CLUSTERS), ("find", PODS), ("patch", SCALERS)],
)
def test_the_pass_after_a_failed_call_sets_everything_right(call: str, kind: Kind) -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    fail_on(api, call, kind)
    look(api, "rayjobs")
    heal(api)
    look(api, "rayjobs")
    assert (api.group["minReplicas"], api.condition["reason"]) == (4, "Followed")


def test_a_pass_raises_when_the_scalers_can_not_be_read() -> None:
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


def test_the_time_of_a_condition_changes_only_with_its_status() -> None:
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


def test_the_role_allows_the_calls_of_the_scaler_and_no_others() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    resources = {SCALERS: "workergroupscalers", RAY_CLUSTERS: "rayclusters", PODS: "pods"}
    calls = {(verb, name) for name in resources.values() for verb in ("list", "watch")}  # kopf's own

    def record(call: str, kind: Kind) -> None:
        status = "/status" if (call, kind) == ("patch", SCALERS) else ""
        calls.add(({"find": "list"}.get(call, call), resources[kind] + status))

    api.before = record
    look(api, "rayjobs")
    manifest = render.load(Path(render.__file__).parents[1] / "manifests" / "70-scaler.yaml")
    (role,) = [each for each in manifest if each["kind"] == "Role"]
    allowed = {(verb, name) for rule in role["rules"] for verb in rule["verbs"] for name in rule["resources"]}
    assert allowed == calls


def test_the_loop_goes_on_after_the_api_server_was_away() -> None:
    api = ApiServer(cluster=ray_cluster(), wish=4)
    failed: list[Kind] = []

    def away(_call: str, kind: Kind) -> None:
        failed.append(kind)
        raise UnreachableError(AWAY)

    api.before = away

    async def outage() -> None:
        pace = scaler.Pace(longest_s=0.01, settle_s=0.01)
        loop = asyncio.create_task(scaler.keep(api, "rayjobs", asyncio.Event(), pace))
        await asyncio.to_thread(wait_until, lambda: len(failed) > 1, 5, "two attempts")
        heal(api)
        await asyncio.to_thread(wait_until, lambda: api.group["minReplicas"] == 4, 5, "minReplicas of 4")
        loop.cancel()

    asyncio.run(outage())


def test_an_event_wakes_the_loop_at_once() -> None:
    api = ApiServer(cluster=ray_cluster())

    async def event() -> None:
        wake = asyncio.Event()
        loop = asyncio.create_task(scaler.keep(api, "rayjobs", wake, scaler.Pace(longest_s=60.0)))
        await asyncio.to_thread(wait_until, lambda: "status" in api.scaler, 5, "the first pass")
        api.wish(4)
        wake.set()
        await asyncio.to_thread(wait_until, lambda: api.group["minReplicas"] == 4, 5, "minReplicas of 4")
        loop.cancel()

    asyncio.run(event())
