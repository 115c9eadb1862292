"""The scaler: keeps the floor of each worker group where the HPA's wish is, and tells how the group stands.

`python -m rayjobs_k8s.scaling.scaler` is its process. kopf watches; whatever it sees only wakes one loop,
which reads afresh and compares. So an event that was lost, seen twice or out of order means nothing, and the
loop looks every few seconds without any.
"""

import asyncio
import itertools
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import kopf

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.errors import DeployError
from rayjobs_k8s.names import NAMESPACE
from rayjobs_k8s.objects import Document, Operation, Ref, part
from rayjobs_k8s.scaling.min_replicas import Group, desired_of, selector_of, status_of

log = logging.getLogger("rayjobs_k8s.scaling.scaler")

SCALERS = "scale.rayjobs.dev/v1alpha1", "WorkerGroupScaler"
RAY_CLUSTERS = "ray.io/v1", "RayCluster"
PODS = "v1", "Pod"
"""API version and kind."""

_LOOK_S = 5.0
"""Longest time between two looks."""
_SETTLE_S = 0.3
"""Between two looks that events ask for: a group that grows makes dozens of them."""
_RECONNECT_S = 3.0
"""Between two tries of kopf to reach an API server that is away."""

LIVENESS = "http://0.0.0.0:8080/healthz"
"""Where the process tells the kubelet that it lives."""


class Api(Protocol):
    """What the scaler asks of the API server; `rayjobs_k8s.cluster.Cluster` is one."""

    def find(
        self, api_version: str, kind: str, namespace: str | None = None, **query: str
    ) -> Sequence[Document]:
        """Return the objects of a kind in a namespace."""

    def get(self, ref: Ref) -> Document | None:
        """Return an object, None if it is not there."""

    def patch(self, ref: Ref, operations: Sequence[Operation], subresource: str = "") -> Document:
        """Apply a JSON patch; return the object as it is then."""


def look(api: Api, namespace: str) -> None:
    """Put every floor of a namespace where it belongs and every status right.

    Raises:
        DeployError: The scalers can't be read.
    """
    for scaler in api.find(*SCALERS, namespace):
        try:
            _keep(api, scaler)
        except DeployError as error:
            log.warning("%s is tried again: %s", scaler["metadata"]["name"], error.detail)


def _keep(api: Api, scaler: Document) -> None:
    spec, name, namespace = scaler["spec"], scaler["metadata"]["name"], scaler["metadata"]["namespace"]
    target = Ref(*RAY_CLUSTERS, spec["cluster"], namespace)
    cluster, refused = api.get(target), ""
    group = Group.of(cluster, spec["group"])
    if group is not None and group.floor != (floor := group.floor_for(desired_of(scaler))):
        move = f"floor {group.floor} -> {floor} (wish {desired_of(scaler)})"
        try:
            cluster = api.patch(target, group.move(floor))
            log.info("%s: %s", name, move)
        except DeployError as error:
            refused = error.detail
            log.warning("%s: %s refused: %s", name, move, refused)
    pods = api.find(*PODS, namespace, labelSelector=selector_of(scaler))
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    status = status_of(scaler, cluster, pods, now, refused)
    if status != part(scaler, "status"):
        replaced = {"op": "add", "path": "/status", "value": status}
        api.patch(Ref(*SCALERS, name, namespace), [replaced], "status")


async def keep(api: Api, namespace: str, wake: asyncio.Event) -> None:
    """Look for ever: when woken, and every few seconds."""
    while True:
        wake.clear()
        try:
            await asyncio.to_thread(look, api, namespace)
        except DeployError as error:
            log.warning("%s", error.detail)
        await asyncio.sleep(_SETTLE_S)
        try:
            await asyncio.wait_for(wake.wait(), _LOOK_S)
        except TimeoutError:
            continue


def watches(wake: asyncio.Event) -> kopf.OperatorRegistry:
    """Return what kopf watches: anything that moves a wish, a floor or a pod of a group wakes the loop.

    Events are all that is asked of kopf: its timers and its other handlers would leave finalizers and
    annotations on the objects.
    """
    registry = kopf.OperatorRegistry()
    # In a pod by its account; elsewhere, for a trial by hand, as kubectl.
    kopf.on.login(id="pod", registry=registry)(kopf.login_with_service_account)
    kopf.on.login(id="kubeconfig", registry=registry)(kopf.login_with_kubeconfig)

    async def moved(**_: object) -> None:
        wake.set()

    kopf.on.event("scale.rayjobs.dev", "workergroupscalers", registry=registry)(moved)
    kopf.on.event("ray.io", "rayclusters", registry=registry)(moved)
    kopf.on.event("", "pods", labels={"ray.io/node-type": "worker"}, registry=registry)(moved)
    return registry


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: nothing of its own in the cluster, no end of patience."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.scanning.disabled = True
    made.networking.error_backoffs = itertools.repeat(_RECONNECT_S)
    return made


async def run(api: Api, namespace: str) -> None:
    """Keep the floors of a namespace until the process is told to end."""
    wake = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep(api, namespace, wake))
        await kopf.operator(
            registry=watches(wake),
            settings=settings(),
            namespaces=[namespace],
            standalone=True,
            liveness_endpoint=LIVENESS,
        )
        keeping.cancel()


def main() -> None:
    """Be the scaler of the namespace that this pod is in."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    log.setLevel(logging.INFO)
    asyncio.run(run(Cluster.of_pod(), os.environ.get("NAMESPACE", NAMESPACE)))


if __name__ == "__main__":
    main()
