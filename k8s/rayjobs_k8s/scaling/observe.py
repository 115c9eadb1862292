"""Reads the status of the worker group from a cluster; writes nothing."""

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
"""Ray's own idle timeout, for a RayCluster that sets none."""


def group_status(cluster: Cluster) -> GroupStatus | None:
    """Return the status of the group, None while there is no such group."""
    # The effect is read before its cause, the pods before the RayCluster: in the other order, a status could
    # lack a pod and also lack the entry by which Ray drains this pod.
    pods = [pod for pod in cluster.find("v1", "Pod", NAMESPACE, labelSelector=WORKER_PODS) if is_alive(pod)]
    ray, hpa = cluster.get(_RAY), cluster.get(_HPA)
    group = Group.of(ray, WORKERS)
    if hpa is None or ray is None or group is None:
        return None
    spec = entries(ray, "spec", "workerGroupSpecs")[group.index]
    return GroupStatus(
        cpu=_usage(hpa, "cpu"),
        memory=_usage(hpa, "memory"),
        desired=number(hpa, "status", "desiredReplicas"),
        floor=group.min_replicas,
        wanted=number(spec, "replicas"),
        most=group.max_replicas,
        idle_s=number(ray, "spec", "autoscalerOptions", "idleTimeoutSeconds", default=_IDLE_S),
        ready=_names(pod for pod in pods if is_ready(pod)),
        starting=_names(pod for pod in pods if not is_ready(pod)),
        drained=frozenset(texts(spec, "scaleStrategy", "workersToDelete")),
    )


def _names(pods: Iterable[Document]) -> frozenset[str]:
    return frozenset(pod["metadata"]["name"] for pod in pods)


def _usage(hpa: Document, name: str) -> Usage:
    spec = _metric(entries(hpa, "spec", "metrics"), name)
    current = _metric(entries(hpa, "status", "currentMetrics"), name)
    return Usage(
        part(spec, "target").get("averageUtilization"), part(current, "current").get("averageUtilization")
    )


def _metric(metrics: Iterable[Document], name: str) -> Document | None:
    resources = (part(metric, "containerResource") for metric in metrics)
    return next((one for one in resources if text(one, "name") == name), None)


class Observer:
    """Reads the status of the worker group again and again, and finds the events in between."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._last: GroupStatus | None = None

    def look(self) -> tuple[GroupStatus | None, tuple[str, ...]]:
        """Return the status of the group, and the events since the last call.

        While the API server does not answer: the last status, and no events.
        """
        try:
            now = group_status(self._cluster)
        except DeployError:
            return self._last, ()
        events = changes(self._last, now) if self._last and now else ()
        self._last = now
        return now, tuple(events)
