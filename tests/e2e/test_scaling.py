"""The HPA and Ray's autoscaler grow and shrink the worker group, each alone and both together."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test import runner
from rayjobs_k8s.names import NAMESPACE, WORKERS
from rayjobs_k8s.objects import Document, Ref
from rayjobs_k8s.scaling.group_status import GroupStatus
from rayjobs_k8s.scaling.observe import Observer
from rayjobs_k8s.scaling.scaler import RAY_CLUSTERS, SCALERS
from tests.support.on_cluster import System
from tests.support.ray_driver import Load, loaded
from tests.support.waiting import wait_until

HPA = Ref("autoscaling/v2", "HorizontalPodAutoscaler", WORKERS, NAMESPACE)
REST_S = 240
"""The sum of: the HPA's half minute, its steps of 15 s, metrics half a minute old, Ray's idle timeout."""
GROWTH_S = 150
LONG_S = 100


class Group:
    """The worker group under test, with all its statuses and events so far."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.cluster = system.cluster
        self.statuses: list[GroupStatus] = []
        self.events: list[str] = []
        self._observer = Observer(self.cluster)

    def look(self) -> GroupStatus:
        group_status, events = self._observer.look()
        assert group_status is not None
        self.statuses.append(group_status)
        self.events += events
        return group_status

    def await_(self, what: str, holds: Callable[[GroupStatus], bool], limit_s: float) -> None:
        """Wait until a condition holds for the group; a failure contains all events."""
        try:
            wait_until(lambda: holds(self.look()), limit_s, what)
        except AssertionError as error:
            lines = "\n".join([f"last status {self.statuses[-1]}", *self.events])
            raise AssertionError(f"{error}\n{lines}") from error

    def set_hpa_minimum(self, least: int) -> None:
        """Set the lowest number of pods that the HPA asks for."""
        self.cluster.patch(HPA, [{"op": "replace", "path": "/spec/minReplicas", "value": least}])


@pytest.fixture
def group(system: System) -> Iterator[Group]:
    """Return the worker group at rest: one pod, which is idle."""
    resting = Group(system)
    resting.await_("rest", lambda it: it.is_at_rest, REST_S)
    resting.statuses.clear()
    resting.events.clear()
    yield resting
    resting.set_hpa_minimum(1)


def test_tasks_that_use_more_cpu_than_they_request_grow_the_group_by_the_hpa_alone(group: Group) -> None:
    with loaded(group.cluster, Load(tasks=2, cpus=0.25, share=0.25, seconds=LONG_S)):
        group.await_("two ready pods", lambda it: it.floor >= 2 and len(it.ready) >= 2, GROWTH_S)
    assert len({it.wanted for it in group.statuses}) == 1
    assert any("HPA raised the floor 1 ->" in event and "cpu" in event for event in group.events)
    assert not [event for event in group.events if "Ray asked" in event]


def test_tasks_that_wait_for_a_cpu_and_use_none_grow_the_group_by_ray_alone(group: Group) -> None:
    with loaded(group.cluster, Load(tasks=3, cpus=1, share=0, seconds=45)) as driver:
        group.await_("three pods", lambda it: it.wanted == 3 == len(it.pods), GROWTH_S)
    assert group.statuses[-1].floor == 1
    assert len(set(driver.nodes)) == 3
    assert "Ray asked for 2 more: 1 -> 3" in group.events


def test_on_the_way_down_busy_pods_stay_and_idle_ones_end(group: Group) -> None:
    group.set_hpa_minimum(4)
    group.await_("four ready pods", lambda it: it.floor == 4 == len(it.ready), GROWTH_S)
    with loaded(group.cluster, Load(tasks=2, cpus=1, share=0, seconds=LONG_S)) as driver:
        group.set_hpa_minimum(1)
        group.await_("two pods", lambda it: it.floor == 1 and len(it.pods) == 2, LONG_S)
        assert driver.nodes == [], "the tasks must last longer than the idle pods"
    # Ray does not repeat these tasks: each ended on the node on which it began, so no busy node was removed.
    assert len(set(driver.nodes)) == 2
    group.await_("rest", lambda it: it.is_at_rest, REST_S)
    assert sum("drained, idle" in event for event in group.events) == 3


def test_a_real_load_grows_the_group_and_loses_nothing_and_the_group_shrinks_again(
    group: Group, tmp_path: Path
) -> None:
    options = runner.LoadOptions(tasks=10, count=24, report=tmp_path / "report.html")
    result = runner.run(group.system.client, options, Terminal(stderr=True), Observer(group.cluster).look)
    assert result.verdict.faults == ()
    assert result.images == 240
    statuses = [one.group_status for one in result.snapshots if one.group_status]
    assert max(len(it.pods) for it in statuses) > 1
    assert all(len(it.pods) <= it.most for it in statuses)
    assert statuses[-1].is_at_rest


@pytest.fixture
def spare(system: System) -> Iterator[System]:
    """Yield the system with a second RayCluster, which has no pods, and a scaler for its one group."""
    container = {"name": "ray", "image": "rayjobs/none"}
    template = {"spec": {"containers": [container]}}
    sizes = {"groupName": "spare", "replicas": 0, "minReplicas": 0, "maxReplicas": 6}
    cluster: Document = {
        "apiVersion": RAY_CLUSTERS[0],
        "kind": RAY_CLUSTERS[1],
        "metadata": {"name": "spare", "namespace": NAMESPACE},
        "spec": {
            "suspend": True,
            "headGroupSpec": {"rayStartParams": {}, "template": template},
            "workerGroupSpecs": [{**sizes, "rayStartParams": {}, "template": template}],
        },
    }
    scaler: Document = {
        "apiVersion": SCALERS[0],
        "kind": SCALERS[1],
        "metadata": {"name": "spare", "namespace": NAMESPACE},
        "spec": {"cluster": "spare", "group": "spare"},
    }
    system.cluster.create(scaler)
    try:
        _await_reason(system, "RayClusterMissing")
        system.cluster.create(cluster)
        yield system
    finally:
        for each in (scaler, cluster):
            system.cluster.delete(Ref.of(each))


def test_the_scaler_keeps_min_replicas_within_bounds_on_a_real_api_server(spare: System) -> None:
    for desired, min_replicas, reason in (
        (3, 3, "Followed"),
        (99, 6, "Clamped"),
        (0, 1, "Clamped"),
        (1, 1, "Followed"),
    ):
        ref = Ref(*SCALERS, "spare", NAMESPACE)
        spare.cluster.patch(ref, [{"op": "add", "path": "/spec/replicas", "value": desired}], "scale")
        what = f"minReplicas {min_replicas} when the HPA asks for {desired}"
        wait_until(partial(_has_min_replicas, spare, min_replicas), 10, what)
        _await_reason(spare, reason)
    spare.cluster.delete(Ref(*RAY_CLUSTERS, "spare", NAMESPACE))
    _await_reason(spare, "RayClusterMissing")


def _has_min_replicas(system: System, min_replicas: int) -> bool:
    found = system.cluster.get(Ref(*RAY_CLUSTERS, "spare", NAMESPACE))
    return found is not None and found["spec"]["workerGroupSpecs"][0]["minReplicas"] == min_replicas


def _await_reason(system: System, reason: str) -> None:
    def is_reported() -> bool:
        found = system.cluster.get(Ref(*SCALERS, "spare", NAMESPACE)) or {}
        return reason in [each["reason"] for each in found.get("status", {}).get("conditions", ())]

    wait_until(is_reported, 15, f"the reason {reason} of the scaler")
