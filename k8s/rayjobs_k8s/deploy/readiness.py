"""What an object waits for, and why a pod does not start. Pure: reads objects of the API server."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rayjobs_k8s.objects import Document, entries, number, part, text

_REVISION = "deployment.kubernetes.io/revision"
_CRASHES = 3
"""Restarts of a container after which it counts as broken."""
_BROKEN = {
    "ErrImageNeverPull": "the container image is not on the node",
    "InvalidImageName": "the name of the container image is not valid",
    "CreateContainerConfigError": "a part of its configuration is missing",
    "CreateContainerError": "the container can't be created",
    "RunContainerError": "the container can't be run",
}
"""Reason for which a container waits -> its meaning; none of these ends by itself."""
_UNPULLED = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not start."""

    namespace: str
    pod: str
    code: str
    """`image`, `no_room`, `crash` or `container`."""
    detail: str = field(compare=False)
    """Not compared: it may contain the time of the next attempt, and so changes with each reading."""
    container: str | None = None
    """The container whose log may contain the reason."""


def waits_for(document: Document) -> str | None:
    """Return what an object waits for, None when it is ready; most kinds are ready once they exist."""
    reason_of = _WAITS.get(document["kind"])
    return reason_of(document) if reason_of else None


def troubles(pod: Document) -> Iterator[Trouble]:
    """Yield the reasons why a pod does not start; only reasons that do not end by themselves."""
    name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    condition = _condition(pod, "PodScheduled")
    if text(condition, "reason") == "Unschedulable":
        yield Trouble(*name, "no_room", text(condition, "message") or "no node has room for it")
    for container in _containers(pod):
        yield from _of_container(name, container)


def _of_container(pod: tuple[str, str], container: Document) -> Iterator[Trouble]:
    waiting, name = part(container, "state", "waiting"), text(container, "name")
    reason = text(waiting, "reason")
    message = text(waiting, "message") or reason
    if reason in _UNPULLED:
        yield Trouble(*pod, "image", f"{text(container, 'image')}: {message}")
    elif reason in _BROKEN:
        yield Trouble(*pod, "container", f"{name}: {_BROKEN[reason]}: {message}")
    restarts = number(container, "restartCount")
    if restarts >= _CRASHES and not container.get("ready"):
        ended = part(container, "lastState", "terminated")
        how = f"status {ended.get('exitCode')}, {ended.get('reason')}"
        yield Trouble(*pod, "crash", f"{name} ended {restarts} times ({how})", name)


def pods_of(
    owners: AbstractSet[str], pods: Iterable[Document], replica_sets: Iterable[Document]
) -> list[Document]:
    """Return the pods of some owners, without the pods that are being deleted.

    A Deployment owns ReplicaSets, one for each revision; the ReplicaSets own the pods. Only the newest
    revision of each Deployment counts.

    Args:
        owners: Uids of objects.
        pods: The pods of their namespace.
        replica_sets: The ReplicaSets of their namespace.
    """
    newest: dict[str, tuple[int, str]] = {}
    for each in replica_sets:
        revision = int(text(each, "metadata", "annotations", _REVISION) or "0")
        for owner in _owners(each) & owners:
            entry = (revision, each["metadata"]["uid"])
            newest[owner] = max(newest.get(owner, entry), entry)
    direct = owners | {uid for _, uid in newest.values()}
    return [pod for pod in pods if _owners(pod) & direct and not is_leaving(pod)]


def _owners(document: Document) -> set[str]:
    return {text(each, "uid") for each in entries(document, "metadata", "ownerReferences")}


def is_leaving(document: Document) -> bool:
    """Return whether an object is being deleted."""
    return bool(text(document, "metadata", "deletionTimestamp"))


def is_ready(pod: Document) -> bool:
    """Return whether a pod is ready for work, or has ended with success."""
    return text(pod, "status", "phase") == "Succeeded" or _holds(pod, "Ready")


def progress(pod: Document) -> str:
    """Return the step of its start at which a pod is, as a short text for people."""
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
    """Return the names of the init containers that run and are not yet ready."""
    return [
        text(each, "name")
        for each in entries(pod, "status", "initContainerStatuses")
        # An API server may write `running: {}` for a container that runs; null means that it does not run.
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
    desired = number(document, "spec", "replicas", default=1)
    updated, available, present = (
        number(document, "status", name) for name in ("updatedReplicas", "availableReplicas", "replicas")
    )
    done = _observed(document) and updated == available == present == desired
    return None if done else f"{available} of {desired} pods are available"


def _stateful_set(document: Document) -> str | None:
    desired = number(document, "spec", "replicas", default=1)
    ready, updated = (number(document, "status", name) for name in ("readyReplicas", "updatedReplicas"))
    done = _observed(document) and ready == updated == desired
    return None if done else f"{ready} of {desired} pods are ready"


def _ray_cluster(document: Document) -> str | None:
    if not (_observed(document) and _holds(document, "HeadPodReady")):
        return "the head is not ready"
    # One ready worker is enough: the autoscalers decide how many more there are.
    return None if number(document, "status", "readyWorkerReplicas") else "no worker is ready"


def _until_condition(kind: str) -> Callable[[Document], str | None]:
    def reason_of(document: Document) -> str | None:
        if _holds(document, kind):
            return None
        return text(_condition(document, kind), "message") or f"not {kind.lower()} yet"

    return reason_of


def _autoscaler(document: Document) -> str | None:
    """Wait until every metric is known: an HPA without its metrics does nothing, and nobody reports it."""
    expected = len(entries(document, "spec", "metrics"))
    known = [each for each in entries(document, "status", "currentMetrics") if text(each, "type")]
    active = _condition(document, "ScalingActive")
    why = text(active, "message") or "inactive" if text(active, "status") == "False" else None
    if len(known) >= expected and why is None:
        return None
    return f"{len(known)} of {expected} metrics are known" + (f" ({why})" if why else "")


_WAITS: dict[str, Callable[[Document], str | None]] = {
    "APIService": _until_condition("Available"),
    "CustomResourceDefinition": _until_condition("Established"),
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "RayCluster": _ray_cluster,
    "StatefulSet": _stateful_set,
    "WorkerGroupScaler": _until_condition("Following"),
}
