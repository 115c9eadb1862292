"""Where the floor of a worker group belongs, and what is told of it; pure.

The HPA writes its wish into `spec.replicas` of a WorkerGroupScaler. The floor is `minReplicas` of the group:
Ray's autoscaler adds pods above it by demand, and is the only one that removes any, idle ones only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rayjobs_k8s.deploy.readiness import is_leaving, is_ready
from rayjobs_k8s.objects import Document, Operation, entries, number, text

LEAST = 1
"""Lowest floor: an HPA has no effect on a target of zero replicas."""

FOLLOWING = "Following"
"""The condition that tells whether the floor is where the wish is."""

_UNBOUNDED = 2**31 - 1
"""KubeRay's own `maxReplicas` where a group sets none."""
_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class Group:
    """A worker group of a RayCluster as it stands there."""

    index: int
    name: str
    floor: int
    most: int

    @classmethod
    def of(cls, cluster: Document | None, name: str) -> "Group | None":
        """Find a group by its name; None if there is no such group or no cluster."""
        for index, spec in enumerate(entries(cluster, "spec", "workerGroupSpecs")):
            if text(spec, "groupName") == name:
                floor, most = number(spec, "minReplicas"), number(spec, "maxReplicas", default=_UNBOUNDED)
                return cls(index, name, floor, most)
        return None

    def floor_for(self, wish: int) -> int:
        """Return the wish within the bounds.

        KubeRay: a floor above the maximum freezes the whole cluster, so the maximum wins even over `LEAST`.
        """
        return min(max(wish, LEAST), self.most)

    def move(self, floor: int) -> list[Operation]:
        """Return the patch that puts the floor there and touches nothing else."""
        # Race: Ray's autoscaler patches the same group by its index, other fields of it. Should the groups be
        # reordered meanwhile, the test fails, and with it the whole patch.
        at = f"/spec/workerGroupSpecs/{self.index}"
        return [
            {"op": "test", "path": f"{at}/groupName", "value": self.name},
            {"op": "add", "path": f"{at}/minReplicas", "value": floor},
        ]


def desired_of(scaler: Document) -> int:
    """Return what the HPA asked for last."""
    return number(scaler, "spec", "replicas", default=LEAST)


def selector_of(scaler: Document) -> str:
    """Return the labels of the group's pods, as KubeRay sets them, for the HPA to find them by."""
    spec = scaler["spec"]
    return f"ray.io/cluster={spec['cluster']},ray.io/group={spec['group']},ray.io/node-type=worker"


def status_of(
    scaler: Document, cluster: Document | None, pods: Sequence[Document], now: str, refused: str = ""
) -> Document:
    """Return the status that is true now.

    Args:
        scaler: The WorkerGroupScaler.
        cluster: Its RayCluster, as it is after the floor was moved.
        pods: Those that `selector_of` finds.
        now: The time, RFC 3339.
        refused: Why the floor could not be moved.
    """
    group = Group.of(cluster, scaler["spec"]["group"])
    alive = [pod for pod in pods if is_alive(pod)]
    status = {
        "replicas": len(alive),
        "readyReplicas": sum(is_ready(pod) for pod in alive),
        "selector": selector_of(scaler),
        "observedGeneration": number(scaler, "metadata", "generation"),
        "conditions": [_condition(scaler, _judge(scaler, cluster, group, refused), now)],
    }
    return status if group is None else status | {"floor": group.floor, "maxReplicas": group.most}


def _judge(
    scaler: Document, cluster: Document | None, group: Group | None, refused: str
) -> tuple[bool, str, str]:
    spec, wish = scaler["spec"], desired_of(scaler)
    if cluster is None:
        return False, "RayClusterMissing", f"There is no RayCluster {spec['cluster']}."
    if group is None:
        return False, "WorkerGroupMissing", f"RayCluster {spec['cluster']} has no group {spec['group']}."
    if refused:
        return False, "Refused", refused
    if wish != group.floor:
        return True, "Clamped", f"The wish of {wish} is out of {LEAST} to {group.most}."
    return True, "Followed", "The floor is the wish."


def _condition(scaler: Document, judged: tuple[bool, str, str], now: str) -> Document:
    holds, reason, message = judged
    state = str(holds)
    since = next(
        (
            text(one, "lastTransitionTime")
            for one in entries(scaler, "status", "conditions")
            if text(one, "type") == FOLLOWING and text(one, "status") == state
        ),
        "",
    )
    return {
        "type": FOLLOWING,
        "status": state,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or now,
    }


def is_alive(pod: Document) -> bool:
    """Return whether a pod is there to stay."""
    return not is_leaving(pod) and text(pod, "status", "phase") not in _ENDED
