"""The scaler: sets `minReplicas` of each worker group to what the HPA asks for, and writes its status.

`python -m rayjobs_k8s.scaling.scaler` is its process. kopf watches the objects. Each event only wakes one
loop, which reads the objects again and compares. So a lost, repeated or late event does no harm. Without any
event the loop reads every few seconds.
"""

import asyncio
import itertools
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
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

_RECONNECT_S = 3.0
"""Seconds between two attempts of kopf to reach an API server that does not answer."""

LIVENESS = "http://0.0.0.0:8080/healthz"
"""The address at which the kubelet checks that the process is alive."""


@dataclass(frozen=True)
class Pace:
    """How often the loop reads the cluster, in seconds."""

    longest_s: float = 5.0
    """Longest pause between two passes."""
    settle_s: float = 0.3
    """Shortest pause: a group that grows causes dozens of events."""


class Api(Protocol):
    """The calls of the API server that the scaler needs; `rayjobs_k8s.cluster.Cluster` has them."""

    def find(
        self, api_version: str, kind: str, namespace: str | None = None, **query: str
    ) -> Sequence[Document]:
        """Return the objects of a kind in a namespace."""

    def get(self, ref: Ref) -> Document | None:
        """Return an object, None if there is no such object."""

    def patch(self, ref: Ref, operations: Sequence[Operation], subresource: str = "") -> Document:
        """Apply a JSON patch; return the changed object."""


def look(api: Api, namespace: str) -> None:
    """Set `minReplicas` and the status of every scaler in a namespace, once.

    Raises:
        DeployError: The scalers can't be read.
    """
    for scaler in api.find(*SCALERS, namespace):
        try:
            _reconcile(api, scaler)
        except DeployError as error:
            log.warning(
                "%s failed, the next pass tries it again: %s", scaler["metadata"]["name"], error.detail
            )


def _reconcile(api: Api, scaler: Document) -> None:
    spec, name, namespace = scaler["spec"], scaler["metadata"]["name"], scaler["metadata"]["namespace"]
    target = Ref(*RAY_CLUSTERS, spec["cluster"], namespace)
    cluster, refused = api.get(target), ""
    group = Group.of(cluster, spec["group"])
    desired = desired_of(scaler)
    if group is not None and group.min_replicas != (min_replicas := group.within_bounds(desired)):
        change = f"minReplicas {group.min_replicas} -> {min_replicas} (the HPA asks for {desired})"
        try:
            cluster = api.patch(target, group.setting(min_replicas))
            log.info("%s: %s", name, change)
        except DeployError as error:
            refused = error.detail
            log.warning("%s: %s is refused: %s", name, change, refused)
    pods = api.find(*PODS, namespace, labelSelector=selector_of(scaler))
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    status = status_of(scaler, cluster, pods, now, refused)
    if status != part(scaler, "status"):
        replacement = {"op": "add", "path": "/status", "value": status}
        api.patch(Ref(*SCALERS, name, namespace), [replacement], "status")


async def keep(api: Api, namespace: str, wake: asyncio.Event, pace: Pace | None = None) -> None:
    """Run `look` for ever: after each event that sets `wake`, and at the latest after `pace.longest_s`."""
    pace = pace or Pace()
    while True:
        wake.clear()
        try:
            await asyncio.to_thread(look, api, namespace)
        except DeployError as error:
            log.warning("%s", error.detail)
        await asyncio.sleep(pace.settle_s)
        with suppress(TimeoutError):  # no event came: the loop reads all the same
            await asyncio.wait_for(wake.wait(), pace.longest_s)


def watches(wake: asyncio.Event) -> kopf.OperatorRegistry:
    """Return the watches of kopf: a change of a scaler, a RayCluster or a worker's pod sets `wake`.

    Only event handlers are used: kopf's timers and its other handlers leave finalizers and annotations on the
    objects.
    """
    registry = kopf.OperatorRegistry()
    # In a pod, kopf logs in with the pod's service account; outside, for a trial by hand, as kubectl does.
    kopf.on.login(id="pod", registry=registry)(kopf.login_with_service_account)
    kopf.on.login(id="kubeconfig", registry=registry)(kopf.login_with_kubeconfig)

    async def on_event(**_: object) -> None:
        wake.set()

    kopf.on.event("scale.rayjobs.dev", "workergroupscalers", registry=registry)(on_event)
    kopf.on.event("ray.io", "rayclusters", registry=registry)(on_event)
    kopf.on.event("", "pods", labels={"ray.io/node-type": "worker"}, registry=registry)(on_event)
    return registry


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing of its own to the cluster, and reconnects without an end."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.peering.standalone = True
    result.scanning.disabled = True
    result.networking.error_backoffs = itertools.repeat(_RECONNECT_S)
    return result


async def run(api: Api, namespace: str) -> None:
    """Run the scaler of a namespace until a signal ends the process."""
    wake = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(keep(api, namespace, wake))
        await kopf.operator(
            registry=watches(wake),
            settings=settings(),
            namespaces=[namespace],
            standalone=True,
            liveness_endpoint=LIVENESS,
        )
        loop.cancel()


def main() -> None:
    """Run the scaler of the namespace that contains this pod."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    log.setLevel(logging.INFO)
    asyncio.run(run(Cluster.of_pod(), os.environ.get("NAMESPACE", NAMESPACE)))


if __name__ == "__main__":
    main()
