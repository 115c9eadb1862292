"""Waits until objects are ready, reports the progress, and fails with the reason when they can't be."""

from collections.abc import Iterable, Iterator, Sequence

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deadline import Deadline
from rayjobs_k8s.deploy.readiness import (
    Trouble,
    is_ready,
    pods_of,
    progress,
    running_init,
    troubles,
    waits_for,
)
from rayjobs_k8s.errors import NotReadyError
from rayjobs_k8s.objects import Document, Ref, text
from rayjobs_k8s.progress import Say

_INTERVAL_S = 1.0
_GRACE_S = {"image": 15.0, "no_room": 20.0, "container": 15.0, "crash": 0.0}
"""Code of a trouble -> seconds after which it is an error: a pull is repeated, a node may be starting."""
_REMEDIES = {
    "image": "Build it (--build), or name one that the nodes have or can pull (--image, --api-image).",
    "no_room": "Free a node, add one, or request less: --size small.",
    "crash": "Read the container's log.",
    "container": "Read the pod's events.",
}
_EVENTS = 4
"""Number of a pod's newest warnings in an error."""


class ReadyWaiter:
    """Waits for objects with one limit of time, and watches their pods for troubles.

    Args:
        cluster: The cluster of the objects.
        deadline: The limit of time.
        say: Prints each change.
    """

    def __init__(self, cluster: Cluster, deadline: Deadline, say: Say) -> None:
        self._cluster = cluster
        self._deadline = deadline
        self._say = say
        self._since: dict[Trouble, float] = {}
        """Trouble -> the second of the wait in which it was first seen."""
        self._reported: dict[Ref, str] = {}
        """Object -> the reason that was printed last."""

    def until_ready(self, refs: Iterable[Ref]) -> None:
        """Return when every object is ready.

        Raises:
            NotReadyError: A pod can't start, or the limit of time is over; the detail lists the objects that
                are not ready, and the state of their pods.
        """
        waiting = list(refs)
        for now_s in self._deadline.ticks(_INTERVAL_S):
            waiting = [ref for ref in waiting if self._waits(ref)]
            if not waiting:
                return
            found = [each for pod in self._pods(waiting) for each in troubles(pod)]
            trouble = self._lasting(found, now_s)
            if trouble:
                raise self._failure(trouble)
        raise self._timeout(waiting)

    def _waits(self, ref: Ref) -> bool:
        found = self._cluster.get(ref)
        why = waits_for(found) if found else "it is gone"
        if why is None:
            if ref in self._reported:
                self._say(f"{ref} is ready")
            return False
        if self._reported.get(ref) != why:
            self._reported[ref] = why
            self._say(f"{ref}: {why}")
        return True

    def _pods(self, refs: Iterable[Ref]) -> Iterator[Document]:
        """Yield the pods of these objects; the troubles of other pods do not count."""
        owners: dict[str, set[str]] = {}
        for ref in refs:
            if ref.namespace and (found := self._cluster.get(ref)):
                owners.setdefault(ref.namespace, set()).add(found["metadata"]["uid"])
        for namespace, uids in owners.items():
            pods = self._cluster.find("v1", "Pod", namespace)
            yield from pods_of(uids, pods, self._cluster.find("apps/v1", "ReplicaSet", namespace))

    def _lasting(self, found: Sequence[Trouble], now_s: float) -> Trouble | None:
        """Return a trouble that has lasted longer than its grace time."""
        self._since = {each: self._since.get(each, now_s) for each in found}
        return next((each for each in found if now_s - self._since[each] >= _GRACE_S[each.code]), None)

    def _failure(self, trouble: Trouble) -> NotReadyError:
        pod = Ref("v1", "Pod", trouble.pod, trouble.namespace)
        lines = self._cluster.logs(pod, trouble.container) if trouble.container else self._events(pod)
        return NotReadyError(f"{pod}: {trouble.detail}{_indented(lines)}\n", _REMEDIES[trouble.code])

    def _timeout(self, waiting: Sequence[Ref]) -> NotReadyError:
        lines = [f"{ref}: {self._reported.get(ref, 'not checked')}" for ref in waiting]
        for pod in self._pods(waiting):
            if not is_ready(pod):
                lines += [f"{Ref.of(pod)}: {progress(pod)}", *(f"  {each}" for each in self._hints(pod))]
        limit = f"{self._deadline.limit_s:g} s"
        return NotReadyError(
            f"Not ready within {limit}:{_indented(lines)}\n",
            "Read the reasons above, or allow more time with --timeout.",
        )

    def _hints(self, pod: Document) -> list[str]:
        """Return the last log lines of a pod's running init containers, and the pod's newest warnings."""
        ref = Ref.of(pod)
        lines = []
        for name in running_init(pod):
            lines += self._cluster.logs(ref, name, 3)
        return [*lines, *self._events(ref)]

    def _events(self, pod: Ref) -> list[str]:
        where = f"involvedObject.name={pod.name},type=Warning"
        events = self._cluster.find("v1", "Event", pod.namespace, fieldSelector=where)
        found = sorted(events, key=lambda each: text(each, "lastTimestamp") or text(each, "eventTime"))
        return [
            f"{text(each, 'reason')}: {' '.join(text(each, 'message').split())[:200]}"
            for each in found[-_EVENTS:]
        ]


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)
