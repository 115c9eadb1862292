"""Computes `minReplicas` of a worker group, and the status of its WorkerGroupScaler; pure.

The HPA writes the number of pods that it asks for into `spec.replicas` of a WorkerGroupScaler. `minReplicas`
of the group follows this number. Ray's autoscaler adds pods above it by demand. Ray's autoscaler alone
removes pods, and only idle ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rayjobs_k8s.deploy.readiness import is_leaving, is_ready
from rayjobs_k8s.objects import Document, Operation, entries, number, text

LEAST = 1
"""Lowest `minReplicas`: an HPA has no effect on a target of zero replicas."""

FOLLOWING = "Following"
"""Type of the condition: whether `minReplicas` follows the HPA."""

_UNBOUNDED = 2**31 - 1
"""KubeRay's own `maxReplicas` for a group that sets none."""
_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class Group:
    """A worker group in the list of its RayCluster."""

    index: int
    name: str
    min_replicas: int
    max_replicas: int

    @classmethod
    def of(cls, cluster: Document | None, name: str) -> "Group | None":
        """Return the group of a name; None if there is no such group or no cluster."""
        for index, spec in enumerate(entries(cluster, "spec", "workerGroupSpecs")):
            if text(spec, "groupName") == name:
                lowest, highest = number(spec, "minReplicas"), number(spec, "maxReplicas", default=_UNBOUNDED)
                return cls(index, name, lowest, highest)
        return None

    def within_bounds(self, desired: int) -> int:
        """Return the number of pods that the HPA asks for, from `LEAST` to `max_replicas`.

        A `minReplicas` above `maxReplicas` stops KubeRay for the whole cluster; so the maximum wins over
        `LEAST`.
        """
        return min(max(desired, LEAST), self.max_replicas)

    def setting(self, min_replicas: int) -> list[Operation]:
        """Return the patch that sets `minReplicas` of this group and nothing else."""
        # Race: Ray's autoscaler patches other fields of the group, also by its index. If somebody reorders
        # the groups in between, the test fails, and the API server refuses the whole patch.
        path = f"/spec/workerGroupSpecs/{self.index}"
        return [
            {"op": "test", "path": f"{path}/groupName", "value": self.name},
            {"op": "add", "path": f"{path}/minReplicas", "value": min_replicas},
        ]


def desired_of(scaler: Document) -> int:
    """Return the number of pods that the HPA asks for."""
    return number(scaler, "spec", "replicas", default=LEAST)


def selector_of(scaler: Document) -> str:
    """Return the label selector of the group's pods, for the HPA; KubeRay sets these labels."""
    spec = scaler["spec"]
    return f"ray.io/cluster={spec['cluster']},ray.io/group={spec['group']},ray.io/node-type=worker"


def status_of(
    scaler: Document, cluster: Document | None, pods: Sequence[Document], now: str, refused: str = ""
) -> Document:
    """Return the status to write into a WorkerGroupScaler.

    Args:
        scaler: The WorkerGroupScaler.
        cluster: Its RayCluster, after the patch of `minReplicas`; None if there is none.
        pods: The pods that `selector_of` selects.
        now: The time, RFC 3339.
        refused: Why the API server refused the patch; "" if it did not.
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
    if group is None:
        return status
    return status | {"floor": group.min_replicas, "maxReplicas": group.max_replicas}


def _judge(
    scaler: Document, cluster: Document | None, group: Group | None, refused: str
) -> tuple[bool, str, str]:
    """Return whether `minReplicas` follows the HPA, the reason and a message for people."""
    spec, desired = scaler["spec"], desired_of(scaler)
    if cluster is None:
        return False, "RayClusterMissing", f"There is no RayCluster {spec['cluster']}."
    if group is None:
        return False, "WorkerGroupMissing", f"RayCluster {spec['cluster']} has no group {spec['group']}."
    if refused:
        return False, "Refused", refused
    if desired != group.min_replicas:
        limits = f"{LEAST} to {group.max_replicas}"
        return True, "Clamped", f"The HPA asks for {desired}, minReplicas is limited to {limits}."
    return True, "Followed", "minReplicas is what the HPA asks for."


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
    """Return whether a pod has not ended and is not being deleted."""
    return not is_leaving(pod) and text(pod, "status", "phase") not in _ENDED
