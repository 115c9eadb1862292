"""Who grows the worker group and who shrinks it, each cause alone and both together."""

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
"""The HPA's half minute, its halves each 15 s, metrics half a minute old, Ray's idle timeout."""
GROWTH_S = 150
LONG_S = 100


class Group:
    """The worker group under test, and all that was seen of it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.cluster = system.cluster
        self.seen: list[GroupStatus] = []
        self.events: list[str] = []
        self._observer = Observer(self.cluster)

    def look(self) -> GroupStatus:
        standing, events = self._observer.look()
        assert standing is not None
        self.seen.append(standing)
        self.events += events
        return standing

    def await_(self, what: str, holds: Callable[[GroupStatus], bool], limit_s: float) -> None:
        """Look until something holds of the group; a failure tells all that happened."""
        try:
            wait_until(lambda: holds(self.look()), limit_s, what)
        except AssertionError as error:
            told = "\n".join([f"last seen {self.seen[-1]}", *self.events])
            raise AssertionError(f"{error}\n{told}") from error

    def hpa_floor(self, least: int) -> None:
        """Let the HPA never wish for less."""
        self.cluster.patch(HPA, [{"op": "replace", "path": "/spec/minReplicas", "value": least}])


@pytest.fixture
def group(system: System) -> Iterator[Group]:
    """Return the worker group at rest: one pod, which is idle."""
    made = Group(system)
    made.await_("rest", lambda it: it.is_at_rest, REST_S)
    made.seen.clear()
    made.events.clear()
    yield made
    made.hpa_floor(1)


def test_tasks_that_use_more_than_they_tell_ray_of_grow_it_by_the_hpa_alone(group: Group) -> None:
    with loaded(group.cluster, Load(tasks=2, cpus=0.25, share=0.25, seconds=LONG_S)):
        group.await_("two ready pods", lambda it: it.floor >= 2 and len(it.ready) >= 2, GROWTH_S)
    assert len({it.wanted for it in group.seen}) == 1
    assert any("HPA raised the floor 1 ->" in told and "cpu" in told for told in group.events)
    assert not [told for told in group.events if "Ray asked" in told]


def test_tasks_that_wait_for_a_processor_and_use_none_grow_it_by_ray_alone(group: Group) -> None:
    with loaded(group.cluster, Load(tasks=3, cpus=1, share=0, seconds=45)) as driver:
        group.await_("three pods", lambda it: it.wanted == 3 == len(it.pods), GROWTH_S)
    assert group.seen[-1].floor == 1
    assert len(set(driver.nodes)) == 3
    assert "Ray asked for 2 more: 1 -> 3" in group.events


def test_a_pod_that_works_is_not_ended_on_the_way_down_and_the_idle_ones_are(group: Group) -> None:
    group.hpa_floor(4)
    group.await_("four ready pods", lambda it: it.floor == 4 == len(it.ready), GROWTH_S)
    with loaded(group.cluster, Load(tasks=2, cpus=1, share=0, seconds=LONG_S)) as driver:
        group.hpa_floor(1)
        group.await_("two pods", lambda it: it.floor == 1 and len(it.pods) == 2, LONG_S)
        assert driver.nodes == [], "the tasks outlast the idle pods"
    # Ray would not have tried them again: each ended where it began, on a node that nobody took away.
    assert len(set(driver.nodes)) == 2
    group.await_("rest", lambda it: it.is_at_rest, REST_S)
    assert sum("drained, idle" in told for told in group.events) == 3


def test_a_real_load_grows_it_and_loses_nothing_and_it_shrinks_again(group: Group, tmp_path: Path) -> None:
    order = runner.LoadOptions(tasks=10, count=24, report=tmp_path / "report.html")
    done = runner.run(group.system.client, order, Terminal(stderr=True), Observer(group.cluster).look)
    assert done.verdict.faults == ()
    assert done.images == 240
    seen = [one.group_status for one in done.snapshots if one.group_status]
    assert max(len(it.pods) for it in seen) > 1
    assert all(len(it.pods) <= it.most for it in seen)
    assert seen[-1].is_at_rest


@pytest.fixture
def spare(system: System) -> Iterator[System]:
    """Give the system with a second RayCluster, without any pod, and a scaler for its one group."""
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


def test_the_scaler_keeps_the_floor_within_bounds_on_the_real_api(spare: System) -> None:
    for wish, floor, reason in (
        (3, 3, "Followed"),
        (99, 6, "Clamped"),
        (0, 1, "Clamped"),
        (1, 1, "Followed"),
    ):
        ref = Ref(*SCALERS, "spare", NAMESPACE)
        spare.cluster.patch(ref, [{"op": "add", "path": "/spec/replicas", "value": wish}], "scale")
        wait_until(partial(_has_floor, spare, floor), 10, f"the floor {floor} for a wish of {wish}")
        _await_reason(spare, reason)
    spare.cluster.delete(Ref(*RAY_CLUSTERS, "spare", NAMESPACE))
    _await_reason(spare, "RayClusterMissing")


def _has_floor(system: System, floor: int) -> bool:
    found = system.cluster.get(Ref(*RAY_CLUSTERS, "spare", NAMESPACE))
    return found is not None and found["spec"]["workerGroupSpecs"][0]["minReplicas"] == floor


def _await_reason(system: System, reason: str) -> None:
    def told() -> bool:
        found = system.cluster.get(Ref(*SCALERS, "spare", NAMESPACE)) or {}
        return reason in [each["reason"] for each in found.get("status", {}).get("conditions", ())]

    wait_until(told, 15, f"the scaler to say {reason}")
