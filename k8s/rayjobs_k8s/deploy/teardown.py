"""Takes away what was rolled out, and what was installed for it; the pictures on the volume stay."""

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
_FINALIZED_S = 15.0
"""For a controller of ours to let go of its objects, before they are taken from it."""

_CUSTOM = (("scale.rayjobs.dev/v1alpha1", "WorkerGroupScaler"), ("ray.io/v1", "RayCluster"))
"""Deleted first, while their controllers live."""
_CLUSTER_WIDE = (
    ("apiregistration.k8s.io/v1", "APIService"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "PersistentVolume"),
    ("v1", "Namespace"),
)


def take_down(cluster: Cluster, say: Say) -> list[str]:
    """Delete all that we made, and wait until it is gone; return the parts that went.

    Raises:
        NotReadyError: Something does not go.
    """
    parts = []
    for api_version, kind in _CUSTOM:
        _release(cluster, [Ref.of(each) for each in cluster.find(api_version, kind, NAMESPACE)], say)
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
    # What lives in a namespace of ours goes with it.
    homes = {ref.name for ref in refs if ref.kind == "Namespace"}
    roots = [ref for ref in refs if ref.namespace not in homes]
    for ref in roots:
        cluster.delete(ref)
        say(f"{ref} deleted")
    _await_gone(cluster, roots)
    return roots


def _namespaced(part: str) -> Sequence[tuple[str, str]]:
    """Return the kinds of a part that may lie in namespaces that are not ours."""
    if part != "metrics-server":
        return ()
    return [(each["apiVersion"], each["kind"]) for each in render.metrics_server()]


def _release(cluster: Cluster, refs: Sequence[Ref], say: Say) -> None:
    for ref in refs:
        cluster.delete(ref)
        say(f"{ref} deleted")
    for _ in Deadline(_FINALIZED_S).ticks(0.3):
        if not any(cluster.get(ref) for ref in refs):
            return
    for ref in refs:
        if texts(cluster.get(ref), "metadata", "finalizers"):
            say(f"{ref}: nobody finalizes it; it is let go")
            cluster.patch(ref, [{"op": "remove", "path": "/metadata/finalizers"}])


def _await_gone(cluster: Cluster, refs: Sequence[Ref]) -> None:
    left = list(refs)
    for _ in Deadline(_GONE_S).ticks(0.5):
        cluster.forget_kinds()
        left = [ref for ref in left if cluster.get(ref)]
        if not left:
            return
    raise NotReadyError(
        f"Not gone within {_GONE_S:g} s: {', '.join(map(str, left))}.", "Run it again.", code="not_gone"
    )
