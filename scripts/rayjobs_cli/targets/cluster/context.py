"""Checks whether a context may be deployed to, and which size fits it."""

import ipaddress
import re

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.objects import Document, entries, part, text

_LOCAL_NAMES = re.compile(
    r"^(kind-|k3d-|minikube|docker-desktop|docker-for-desktop|rancher-desktop|colima|orbstack|microk8s)"
)
_LIVE_NAMES = re.compile(r"(^|[^a-z])(prod|production|live)([^a-z]|$)", re.IGNORECASE)
_OLDEST = (1, 29)
"""First release of Kubernetes in which native sidecars are on by default."""
_SMALL_CORES = 6.0
"""With fewer cores, realistic requests leave no room for a second worker."""


def require_intended(cluster: Cluster, *, named: bool) -> None:
    """Refuse a cluster that may be in production, unless the user named it.

    Raises:
        CommandError: The cluster is not on this machine, or its name suggests production.
    """
    if named:
        return
    name, host = cluster.context, cluster.server
    if _LIVE_NAMES.search(name) or not (_LOCAL_NAMES.match(name) or _is_near(host)):
        raise CommandError(
            "context_not_named",
            f"The current context is {name!r} ({host}), which is no cluster of this machine.",
            f"If you mean this cluster, name it: --context {name}",
            ExitStatus.ENVIRONMENT,
        )


def require_fit(cluster: Cluster, volume: str | None) -> list[Document]:
    """Return the cluster's nodes.

    Raises:
        CommandError: Kubernetes is too old, no node works, or the nodes share no disk.
    """
    if cluster.version < _OLDEST:
        version, oldest = (".".join(map(str, each)) for each in (cluster.version, _OLDEST))
        raise CommandError("kubernetes_too_old", f"Kubernetes {version} is too old.", f"{oldest} is needed.")
    nodes = [each for each in cluster.find("v1", "Node") if _works(each)]
    if not nodes:
        raise CommandError("no_node", f"No node of {cluster.context} is ready.", "Start one, then try again.")
    if len(nodes) > 1 and volume is None:
        raise CommandError(
            "no_shared_volume",
            f"{cluster.context} has {len(nodes)} nodes, which share no disk.",
            "Name a storage class that offers ReadWriteMany, or a claim: --volume class:NAME or pvc:NAME.",
        )
    return nodes


def size_of(nodes: list[Document]) -> str:
    """Return the size that fits the nodes: `small` or `default`."""
    cores = sum(_cores(text(each, "status", "allocatable", "cpu") or "0") for each in nodes)
    return "small" if cores < _SMALL_CORES else "default"


def _works(node: Document) -> bool:
    conditions = entries(node, "status", "conditions")
    ready = any(text(each, "type") == "Ready" and text(each, "status") == "True" for each in conditions)
    return ready and not part(node, "spec").get("unschedulable")


def _cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "kubernetes.docker.internal", "host.docker.internal")
