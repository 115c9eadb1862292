"""A RayCluster without a cluster: an API server's part of it, and the operator's rule for its pods."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from rayjobs_k8s.errors import RefusedError
from rayjobs_k8s.objects import Document, Ref
from rayjobs_k8s.scaling.scaler import PODS, RAY_CLUSTERS, SCALERS

Kind = tuple[str, str]
Before = Callable[[str, Kind], None]


def scaler(wish: int = 1) -> Document:
    return {
        "metadata": {"name": "workers", "namespace": "rayjobs", "generation": 1},
        "spec": {"cluster": "rayjobs", "group": "workers", "replicas": wish},
    }


def ray_cluster(
    *, replicas: int = 1, floor: int = 1, most: int = 10, groups: tuple[str, ...] = ()
) -> Document:
    """Return a RayCluster whose last group is `workers`, after `groups`."""
    template = {"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "2Gi"}}}]}}

    def group(name: str) -> Document:
        size = {"replicas": replicas, "minReplicas": floor, "maxReplicas": most, "numOfHosts": 1}
        return {"groupName": name, **size, "rayStartParams": {}, "template": template}

    return {
        "metadata": {"name": "rayjobs", "namespace": "rayjobs", "resourceVersion": "1"},
        "spec": {
            "autoscalerOptions": {"idleTimeoutSeconds": 60},
            "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": template},
            "workerGroupSpecs": [group(name) for name in (*groups, "workers")],
        },
    }


def pod(name: str, *, ready: bool = True, phase: str = "Running", ending: bool = False) -> Document:
    return {
        "metadata": {"name": name, **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {})},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def nothing(_call: str, _kind: Kind) -> None:
    """Let a call pass."""


class ApiServer:
    """Holds the objects and applies JSON patches as the real one does; a call can be made to fail."""

    def __init__(self, *, cluster: Document | None, wish: int = 1) -> None:
        self.scalers = [scaler(wish)]
        self.cluster = cluster
        self.pods: list[Document] = []
        self.patches: list[tuple[Kind, list[Document]]] = []
        self.before: Before = nothing
        """Called ahead of each call with its name and kind; may raise."""

    @property
    def groups(self) -> list[Document]:
        assert self.cluster is not None
        found: list[Document] = self.cluster["spec"]["workerGroupSpecs"]
        return found

    @property
    def group(self) -> Document:
        return self.groups[-1]

    @property
    def scaler(self) -> Document:
        return self.scalers[0]

    @property
    def condition(self) -> Document:
        found: Document = self.scaler["status"]["conditions"][0]
        return found

    def wish(self, replicas: int) -> None:
        """Do what the HPA does."""
        self.scaler["spec"]["replicas"] = replicas

    def find(self, api_version: str, kind: str, namespace: str | None = None, **query: str) -> list[Document]:
        self.before("find", (api_version, kind))
        assert namespace == "rayjobs"
        if (api_version, kind) == SCALERS:
            return copy.deepcopy(self.scalers)
        assert (api_version, kind) == PODS
        assert query == {
            "labelSelector": "ray.io/cluster=rayjobs,ray.io/group=workers,ray.io/node-type=worker"
        }
        return copy.deepcopy(self.pods)

    def get(self, ref: Ref) -> Document | None:
        self.before("get", (ref.api_version, ref.kind))
        assert ref == Ref(*RAY_CLUSTERS, "rayjobs", "rayjobs")
        return copy.deepcopy(self.cluster)

    def patch(self, ref: Ref, operations: Sequence[Document], subresource: str = "") -> Document:
        kind = (ref.api_version, ref.kind)
        self.before("patch", kind)
        target = self.cluster if kind == RAY_CLUSTERS else self.scaler
        assert target is not None
        assert target["metadata"]["name"] == ref.name
        assert subresource == ("status" if kind == SCALERS else "")
        changed = copy.deepcopy(target)
        for operation in operations:
            apply(changed, operation)
        target.clear()
        target.update(changed)
        self.patches.append((kind, list(operations)))
        return copy.deepcopy(target)


def apply(document: Document, operation: Document) -> None:
    """Do one step of a JSON patch."""
    *way, last = operation["path"].strip("/").split("/")
    at: Any = document
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at.setdefault(key, {})
    if operation["op"] == "test":
        if at[last] != operation["value"]:
            raise RefusedError("RayCluster rayjobs", 422, f"test of {operation['path']} failed")
    else:
        at[last] = copy.deepcopy(operation["value"])
