"""Waits until objects are ready, says what it sees meanwhile, and ends with the reason when they won't be."""

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

_LOOK_S = 1.0
_GRACE_S = {"image": 15.0, "no_room": 20.0, "container": 15.0, "crash": 0.0}
"""How long a trouble must last before it is believed: a pull is tried again, a node may be on its way."""
_REMEDIES = {
    "image": "Build it (--build), or name one that the nodes have or can pull (--image, --api-image).",
    "no_room": "Free a node, add one, or ask for less: --size small.",
    "crash": "Its log says why.",
    "container": "See the pod's events.",
}
_EVENTS = 4


class ReadyWaiter:
    """A wait for objects that share one limit of time, with a look at the pods beside them.

    Args:
        cluster: Where they are.
        deadline: Until when.
        say: Told whatever changes.
    """

    def __init__(self, cluster: Cluster, deadline: Deadline, say: Say) -> None:
        self._cluster = cluster
        self._deadline = deadline
        self._say = say
        self._since: dict[Trouble, float] = {}
        self._told: dict[Ref, str] = {}

    def until_ready(self, refs: Iterable[Ref]) -> None:
        """Return when every object is ready.

        Raises:
            NotReadyError: A pod can't start, or the time is over; says what is waited for, and what is seen.
        """
        waiting = list(refs)
        for now_s in self._deadline.ticks(_LOOK_S):
            waiting = [ref for ref in waiting if self._waits(ref)]
            if not waiting:
                return
            seen = [each for pod in self._pods(waiting) for each in troubles(pod)]
            trouble = self._believed(seen, now_s)
            if trouble:
                raise self._failure(trouble)
        raise self._timeout(waiting)

    def _waits(self, ref: Ref) -> bool:
        found = self._cluster.get(ref)
        why = waits_for(found) if found else "it is gone"
        if why is None:
            if ref in self._told:
                self._say(f"{ref} is ready")
            return False
        if self._told.get(ref) != why:
            self._told[ref] = why
            self._say(f"{ref}: {why}")
        return True

    def _pods(self, refs: Iterable[Ref]) -> Iterator[Document]:
        """Give the pods of objects: another's trouble is none of theirs."""
        owners: dict[str, set[str]] = {}
        for ref in refs:
            if ref.namespace and (found := self._cluster.get(ref)):
                owners.setdefault(ref.namespace, set()).add(found["metadata"]["uid"])
        for namespace, uids in owners.items():
            pods = self._cluster.find("v1", "Pod", namespace)
            yield from pods_of(uids, pods, self._cluster.find("apps/v1", "ReplicaSet", namespace))

    def _believed(self, seen: Sequence[Trouble], now_s: float) -> Trouble | None:
        self._since = {each: self._since.get(each, now_s) for each in seen}
        return next((each for each in seen if now_s - self._since[each] >= _GRACE_S[each.code]), None)

    def _failure(self, trouble: Trouble) -> NotReadyError:
        pod = Ref("v1", "Pod", trouble.pod, trouble.namespace)
        lines = self._cluster.logs(pod, trouble.container) if trouble.container else self._events(pod)
        told = "".join(f"\n    {line}" for line in lines)
        return NotReadyError(f"{pod}: {trouble.detail}{told}\n", _REMEDIES[trouble.code])

    def _timeout(self, waiting: Sequence[Ref]) -> NotReadyError:
        lines = [f"{ref}: {self._told.get(ref, 'not looked at')}" for ref in waiting]
        for pod in self._pods(waiting):
            if not is_ready(pod):
                lines += [f"{Ref.of(pod)}: {progress(pod)}", *(f"  {each}" for each in self._says(pod))]
        told = "".join(f"\n    {line}" for line in lines)
        limit = f"{self._deadline.limit_s:g} s"
        return NotReadyError(
            f"Not ready within {limit}:{told}\n", "Give it more time with --timeout, or see above."
        )

    def _says(self, pod: Document) -> list[str]:
        """Return what an unready pod's waiting init container, and its events, say."""
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
