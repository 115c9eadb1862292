"""What an object still waits for, and why a pod does not start. Pure: reads what the API server told."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rayjobs_k8s.objects import Document

_REVISION = "deployment.kubernetes.io/revision"
_CRASHES = 3
"""Ends of a container after which the next start is not waited for."""
_BROKEN = {
    "ErrImageNeverPull": "the container image is not on the node",
    "InvalidImageName": "the container image's name is no name",
    "CreateContainerConfigError": "what it is configured with is missing",
    "CreateContainerError": "the container can't be made",
    "RunContainerError": "the container can't be run",
}
"""A container's reason to wait -> what it means; none of these heals by itself."""
_UNPULLED = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not start."""

    namespace: str
    pod: str
    code: str
    """`image`, `no_room`, `crash` or `container`."""
    detail: str = field(compare=False)
    """Changes from look to look, as by the time of the next attempt."""
    container: str | None = None
    """Whose log may say more."""


def waits_for(document: Document) -> str | None:
    """Return what an object still waits for, None when it is ready; most kinds are at once."""
    ask = _WAITS.get(document["kind"])
    return ask(document, document.get("status", {})) if ask else None


def troubles(pod: Document) -> Iterator[Trouble]:
    """Give the reasons why a pod does not start, those that will not go away by themselves."""
    name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    status = pod.get("status", {})
    for condition in _conditions(status):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            yield Trouble(*name, "no_room", condition.get("message", "no node has room for it"))
    for container in _containers(status):
        yield from _of_container(name, container)


def _of_container(pod: tuple[str, str], container: Document) -> Iterator[Trouble]:
    waiting = container["state"].get("waiting")
    name, image = container["name"], container.get("image", "")
    if waiting is not None:
        reason = waiting.get("reason", "")
        said = waiting.get("message") or reason
        if reason in _UNPULLED:
            yield Trouble(*pod, "image", f"{image}: {said}")
        elif reason in _BROKEN:
            yield Trouble(*pod, "container", f"{name}: {_BROKEN[reason]}: {said}")
    if container.get("restartCount", 0) >= _CRASHES and not container.get("ready"):
        ended = container.get("lastState", {}).get("terminated", {})
        how = f"status {ended.get('exitCode')}, {ended.get('reason')}"
        yield Trouble(*pod, "crash", f"{name} ended {container['restartCount']} times ({how})", name)


def pods_of(
    owners: AbstractSet[str], pods: Iterable[Document], replica_sets: Iterable[Document]
) -> list[Document]:
    """Return the pods of some objects, given by their uids, without those that are on their way out.

    A Deployment owns its pods by way of ReplicaSets, one for each revision: only those of the newest count.
    """
    newest: dict[str, tuple[int, str]] = {}
    for each in replica_sets:
        revision = int(each["metadata"].get("annotations", {}).get(_REVISION, "0"))
        for owner in _owners(each) & owners:
            entry = (revision, each["metadata"]["uid"])
            newest[owner] = max(newest.get(owner, entry), entry)
    wanted = owners | {uid for _, uid in newest.values()}
    return [pod for pod in pods if _owners(pod) & wanted and "deletionTimestamp" not in pod["metadata"]]


def _owners(document: Document) -> set[str]:
    return {each["uid"] for each in document["metadata"].get("ownerReferences", ())}


def is_ready(pod: Document) -> bool:
    """Return whether a pod takes work, or has ended well."""
    status = pod.get("status", {})
    return status.get("phase") == "Succeeded" or _condition(status, "Ready").get("status") == "True"


def progress(pod: Document) -> str:
    """Return how far a pod has come, in a few words."""
    status = pod.get("status", {})
    for container in _containers(status):
        waiting = container["state"].get("waiting", {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"{container['name']}: {waiting}"
    for container in status.get("initContainerStatuses", ()):
        if not container.get("ready") and "running" in container["state"]:
            return f"{container['name']} runs"
    unready = [each["name"] for each in status.get("containerStatuses", ()) if not each.get("ready")]
    return f"{', '.join(unready)} not ready" if unready else status.get("phase", "unknown")


def _containers(status: Document) -> list[Document]:
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _conditions(status: Document) -> Iterable[Document]:
    found: Iterable[Document] = status.get("conditions") or ()
    return found


def _condition(status: Document, kind: str) -> Document:
    return next((each for each in _conditions(status) if each["type"] == kind), {})


def _observed(document: Document, status: Document) -> bool:
    return bool(status.get("observedGeneration", 0) >= document["metadata"].get("generation", 0))


def _deployment(document: Document, status: Document) -> str | None:
    wanted = document["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    done = _observed(document, status) and updated == available == status.get("replicas", 0) == wanted
    return None if done else f"{available} of {wanted} pods are available"


def _stateful_set(document: Document, status: Document) -> str | None:
    wanted = document["spec"].get("replicas", 1)
    ready = status.get("readyReplicas", 0)
    done = _observed(document, status) and ready == status.get("updatedReplicas", 0) == wanted
    return None if done else f"{ready} of {wanted} pods are ready"


def _ray_cluster(document: Document, status: Document) -> str | None:
    if not _observed(document, status) or _condition(status, "HeadPodReady").get("status") != "True":
        return "the head is not ready"
    # How many more there are is its autoscalers' business.
    return None if status.get("readyWorkerReplicas", 0) else "no worker is ready"


def _conditioned(kind: str) -> Callable[[Document, Document], str | None]:
    def ask(_document: Document, status: Document) -> str | None:
        found = _condition(status, kind)
        if found.get("status") == "True":
            return None
        return str(found.get("message") or f"not {kind.lower()} yet")

    return ask


def _autoscaler(document: Document, status: Document) -> str | None:
    """Wait until the metrics are known: an HPA without them does nothing, and says so nowhere else."""
    wanted = len(document["spec"]["metrics"])
    known = [each for each in status.get("currentMetrics") or () if each.get("type")]
    active = _condition(status, "ScalingActive")
    why = active.get("message") if active.get("status") == "False" else None
    if len(known) >= wanted and why is None:
        return None
    return f"{len(known)} of {wanted} metrics are known" + (f" ({why})" if why else "")


_WAITS: dict[str, Callable[[Document, Document], str | None]] = {
    "APIService": _conditioned("Available"),
    "CustomResourceDefinition": _conditioned("Established"),
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "RayCluster": _ray_cluster,
    "StatefulSet": _stateful_set,
    "WorkerGroupScaler": _conditioned("Following"),
}
