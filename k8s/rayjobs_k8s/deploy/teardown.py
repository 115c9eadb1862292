"""Deletes what was rolled out, and what was installed for it; the pictures on the volume stay."""

from collections.abc import Sequence

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deadline import Deadline
from rayjobs_k8s.deploy import render
from rayjobs_k8s.deploy.apply import selector
from rayjobs_k8s.errors import NotReadyError
from rayjobs_k8s.names import NAMESPACE
from rayjobs_k8s.objects import Ref, texts
from rayjobs_k8s.progress import Say

_GONE_S = 120.0
"""Limit for all objects to be gone."""
FINALIZERS_S = 15.0
"""Limit for a controller to remove its finalizers; after it, they are removed here."""

_CUSTOM = (("scale.rayjobs.dev/v1alpha1", "WorkerGroupScaler"), ("ray.io/v1", "RayCluster"))
"""Deleted first, while their controllers still run."""
_CLUSTER_WIDE = (
    ("apiregistration.k8s.io/v1", "APIService"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "PersistentVolume"),
    ("v1", "Namespace"),
)


def take_down(cluster: Cluster, say: Say, finalizers_s: float = FINALIZERS_S) -> list[str]:
    """Delete all objects that deployments made, and wait until they are gone; return the deleted parts.

    Args:
        cluster: The cluster of the objects.
        say: Prints each step.
        finalizers_s: Seconds for a controller to remove its finalizers.

    Raises:
        NotReadyError: An object is not gone in time.
    """
    parts = []
    for api_version, kind in _CUSTOM:
        refs = [Ref.of(each) for each in cluster.find(api_version, kind, NAMESPACE)]
        _delete_finalized(cluster, refs, finalizers_s, say)
    if _delete(cluster, "rayjobs", say):
        parts.append("rayjobs")
    others = cluster.find("ray.io/v1", "RayCluster")
    if others:
        say(f"KubeRay stays: it serves {Ref.of(others[0])}")
    elif _delete(cluster, "kuberay", say):
        parts.append("kuberay")
    if _delete(cluster, "metrics-server", say):
        parts.append("metrics-server")
    return parts


def _delete(cluster: Cluster, part: str, say: Say) -> list[Ref]:
    kinds = dict.fromkeys([*_CLUSTER_WIDE, *_namespaced(part)])
    refs = [
        Ref.of(each)
        for api_version, kind in kinds
        for each in cluster.find(api_version, kind, labelSelector=selector(part))
    ]
    # The deletion of a namespace deletes the objects in it.
    namespaces = {ref.name for ref in refs if ref.kind == "Namespace"}
    roots = [ref for ref in refs if ref.namespace not in namespaces]
    for ref in roots:
        cluster.delete(ref)
        say(f"{ref} deleted")
    _await_gone(cluster, roots)
    return roots


def _namespaced(part: str) -> Sequence[tuple[str, str]]:
    """Return API version and kind of the objects of a part that are in a namespace of the cluster itself."""
    if part != "metrics-server":
        return ()
    return [(each["apiVersion"], each["kind"]) for each in render.metrics_server()]


def _delete_finalized(cluster: Cluster, refs: Sequence[Ref], limit_s: float, say: Say) -> None:
    """Delete objects; remove their finalizers if their controller has not done so within the limit."""
    for ref in refs:
        cluster.delete(ref)
        say(f"{ref} deleted")
    for _ in Deadline(limit_s).ticks(0.3):
        if not any(cluster.get(ref) for ref in refs):
            return
    for ref in refs:
        if texts(cluster.get(ref), "metadata", "finalizers"):
            say(f"{ref}: no controller finalizes it; its finalizers are removed")
            cluster.patch(ref, [{"op": "remove", "path": "/metadata/finalizers"}])


def _await_gone(cluster: Cluster, refs: Sequence[Ref]) -> None:
    remaining = list(refs)
    for _ in Deadline(_GONE_S).ticks(0.5):
        cluster.forget_kinds()
        remaining = [ref for ref in remaining if cluster.get(ref)]
        if not remaining:
            return
    names = ", ".join(map(str, remaining))
    raise NotReadyError(f"Not gone within {_GONE_S:g} s: {names}.", "Run the command again.", code="not_gone")
