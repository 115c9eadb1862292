"""What an object still waits for, and why a pod does not start. Pure: reads what the API server told."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rayjobs_k8s.objects import Document, entries, number, part, text

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
    return ask(document) if ask else None


def troubles(pod: Document) -> Iterator[Trouble]:
    """Give the reasons why a pod does not start, those that will not go away by themselves."""
    name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    condition = _condition(pod, "PodScheduled")
    if text(condition, "reason") == "Unschedulable":
        yield Trouble(*name, "no_room", text(condition, "message") or "no node has room for it")
    for container in _containers(pod):
        yield from _of_container(name, container)


def _of_container(pod: tuple[str, str], container: Document) -> Iterator[Trouble]:
    waiting, name = part(container, "state", "waiting"), text(container, "name")
    reason = text(waiting, "reason")
    said = text(waiting, "message") or reason
    if reason in _UNPULLED:
        yield Trouble(*pod, "image", f"{text(container, 'image')}: {said}")
    elif reason in _BROKEN:
        yield Trouble(*pod, "container", f"{name}: {_BROKEN[reason]}: {said}")
    restarts = number(container, "restartCount")
    if restarts >= _CRASHES and not container.get("ready"):
        ended = part(container, "lastState", "terminated")
        how = f"status {ended.get('exitCode')}, {ended.get('reason')}"
        yield Trouble(*pod, "crash", f"{name} ended {restarts} times ({how})", name)


def pods_of(
    owners: AbstractSet[str], pods: Iterable[Document], replica_sets: Iterable[Document]
) -> list[Document]:
    """Return the pods of some objects, given by their uids, without those that are on their way out.

    A Deployment owns its pods by way of ReplicaSets, one for each revision: only those of the newest count.
    """
    newest: dict[str, tuple[int, str]] = {}
    for each in replica_sets:
        revision = int(text(each, "metadata", "annotations", _REVISION) or "0")
        for owner in _owners(each) & owners:
            entry = (revision, each["metadata"]["uid"])
            newest[owner] = max(newest.get(owner, entry), entry)
    wanted = owners | {uid for _, uid in newest.values()}
    return [pod for pod in pods if _owners(pod) & wanted and not is_leaving(pod)]


def _owners(document: Document) -> set[str]:
    return {text(each, "uid") for each in entries(document, "metadata", "ownerReferences")}


def is_leaving(document: Document) -> bool:
    """Return whether an object is on its way out."""
    return bool(text(document, "metadata", "deletionTimestamp"))


def is_ready(pod: Document) -> bool:
    """Return whether a pod takes work, or has ended well."""
    return text(pod, "status", "phase") == "Succeeded" or _holds(pod, "Ready")


def progress(pod: Document) -> str:
    """Return how far a pod has come, in a few words."""
    for container in _containers(pod):
        waiting = text(container, "state", "waiting", "reason")
        if waiting and waiting != "PodInitializing":
            return f"{text(container, 'name')}: {waiting}"
    for name in running_init(pod):
        return f"{name} runs"
    started = entries(pod, "status", "containerStatuses")
    unready = [text(each, "name") for each in started if not each.get("ready")]
    return f"{', '.join(unready)} not ready" if unready else text(pod, "status", "phase") or "unknown"


def running_init(pod: Document) -> list[str]:
    """Return the names of the init containers that run and are not ready."""
    return [
        text(each, "name")
        for each in entries(pod, "status", "initContainerStatuses")
        # What runs may have nothing more to say of it: {} is there, null is not.
        if not each.get("ready") and part(each, "state").get("running") is not None
    ]


def _containers(pod: Document) -> list[Document]:
    return [
        *entries(pod, "status", "initContainerStatuses"),
        *entries(pod, "status", "containerStatuses"),
    ]


def _condition(document: Document, kind: str) -> Document:
    return next(
        (each for each in entries(document, "status", "conditions") if text(each, "type") == kind), {}
    )


def _holds(document: Document, kind: str) -> bool:
    return text(_condition(document, kind), "status") == "True"


def _observed(document: Document) -> bool:
    return number(document, "status", "observedGeneration") >= number(document, "metadata", "generation")


def _deployment(document: Document) -> str | None:
    wanted = number(document, "spec", "replicas", default=1)
    updated, available, present = (
        number(document, "status", name) for name in ("updatedReplicas", "availableReplicas", "replicas")
    )
    done = _observed(document) and updated == available == present == wanted
    return None if done else f"{available} of {wanted} pods are available"


def _stateful_set(document: Document) -> str | None:
    wanted = number(document, "spec", "replicas", default=1)
    ready, updated = (number(document, "status", name) for name in ("readyReplicas", "updatedReplicas"))
    done = _observed(document) and ready == updated == wanted
    return None if done else f"{ready} of {wanted} pods are ready"


def _ray_cluster(document: Document) -> str | None:
    if not (_observed(document) and _holds(document, "HeadPodReady")):
        return "the head is not ready"
    # How many more there are is its autoscalers' business.
    return None if number(document, "status", "readyWorkerReplicas") else "no worker is ready"


def _conditioned(kind: str) -> Callable[[Document], str | None]:
    def ask(document: Document) -> str | None:
        if _holds(document, kind):
            return None
        return text(_condition(document, kind), "message") or f"not {kind.lower()} yet"

    return ask


def _autoscaler(document: Document) -> str | None:
    """Wait until the metrics are known: an HPA without them does nothing, and says so nowhere else."""
    wanted = len(entries(document, "spec", "metrics"))
    known = [each for each in entries(document, "status", "currentMetrics") if text(each, "type")]
    active = _condition(document, "ScalingActive")
    why = text(active, "message") or "inactive" if text(active, "status") == "False" else None
    if len(known) >= wanted and why is None:
        return None
    return f"{len(known)} of {wanted} metrics are known" + (f" ({why})" if why else "")


_WAITS: dict[str, Callable[[Document], str | None]] = {
    "APIService": _conditioned("Available"),
    "CustomResourceDefinition": _conditioned("Established"),
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "RayCluster": _ray_cluster,
    "StatefulSet": _stateful_set,
    "WorkerGroupScaler": _conditioned("Following"),
}
