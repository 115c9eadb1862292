"""Reads how the worker group stands; writes nothing."""

from collections.abc import Iterable

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy.readiness import is_ready
from rayjobs_k8s.errors import DeployError
from rayjobs_k8s.names import NAMESPACE, RAYCLUSTER, WORKER_PODS, WORKERS
from rayjobs_k8s.objects import Document, Ref, entries, number, part, text, texts
from rayjobs_k8s.scaling.group_status import GroupStatus, Usage
from rayjobs_k8s.scaling.min_replicas import Group, is_alive
from rayjobs_k8s.scaling.scaling_events import changes

_HPA = Ref("autoscaling/v2", "HorizontalPodAutoscaler", WORKERS, NAMESPACE)
_RAY = Ref("ray.io/v1", "RayCluster", RAYCLUSTER, NAMESPACE)
_IDLE_S = 60
"""Ray's own idle timeout, where a RayCluster sets none."""


def group_status(cluster: Cluster) -> GroupStatus | None:
    """Return how the group stands, None while there is no such group."""
    # What follows is read before what it follows from: else a pod could be seen to go, and Ray's word that it
    # drains it not.
    pods = [pod for pod in cluster.find("v1", "Pod", NAMESPACE, labelSelector=WORKER_PODS) if is_alive(pod)]
    ray, hpa = cluster.get(_RAY), cluster.get(_HPA)
    group = Group.of(ray, WORKERS)
    if hpa is None or ray is None or group is None:
        return None
    spec = entries(ray, "spec", "workerGroupSpecs")[group.index]
    return GroupStatus(
        cpu=_usage(hpa, "cpu"),
        memory=_usage(hpa, "memory"),
        wish=number(hpa, "status", "desiredReplicas"),
        floor=group.floor,
        wanted=number(spec, "replicas"),
        most=group.most,
        idle_s=number(ray, "spec", "autoscalerOptions", "idleTimeoutSeconds", default=_IDLE_S),
        ready=_names(pod for pod in pods if is_ready(pod)),
        starting=_names(pod for pod in pods if not is_ready(pod)),
        drained=frozenset(texts(spec, "scaleStrategy", "workersToDelete")),
    )


def _names(pods: Iterable[Document]) -> frozenset[str]:
    return frozenset(pod["metadata"]["name"] for pod in pods)


def _usage(hpa: Document, name: str) -> Usage:
    wanted = _of(entries(hpa, "spec", "metrics"), name)
    found = _of(entries(hpa, "status", "currentMetrics"), name)
    return Usage(
        part(wanted, "target").get("averageUtilization"), part(found, "current").get("averageUtilization")
    )


def _of(metrics: Iterable[Document], name: str) -> Document | None:
    resources = (part(metric, "containerResource") for metric in metrics)
    return next((one for one in resources if text(one, "name") == name), None)


class Observer:
    """Looks at the worker group again and again, and tells what happened in between."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._last: GroupStatus | None = None

    def look(self) -> tuple[GroupStatus | None, tuple[str, ...]]:
        """Return how the group stands and what happened since the last look.

        While the API server is away, it is what it was.
        """
        try:
            now = group_status(self._cluster)
        except DeployError:
            return self._last, ()
        events = changes(self._last, now) if self._last and now else ()
        self._last = now
        return now, tuple(events)
