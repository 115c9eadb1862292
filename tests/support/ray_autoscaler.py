"""Ray's own autoscaler, version 2, driven by hand: its reconciler, scheduler and KubeRay provider.

Around them stand our scaler and the least that they need: an API server (`ray_cluster.ApiServer`), the rule
by which the KubeRay operator makes and deletes pods, and a GCS that drains nodes.
"""

import hashlib
from itertools import count
from queue import Queue
from typing import Any

from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler.v2.instance_manager.cloud_providers.kuberay.cloud_provider import KubeRayProvider
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.instance_manager.instance_manager import InstanceManager
from ray.autoscaler.v2.instance_manager.instance_storage import InstanceStorage
from ray.autoscaler.v2.instance_manager.reconciler import Reconciler
from ray.autoscaler.v2.instance_manager.storage import InMemoryStorage
from ray.autoscaler.v2.instance_manager.subscribers.cloud_instance_updater import CloudInstanceUpdater
from ray.autoscaler.v2.instance_manager.subscribers.cloud_resource_monitor import CloudResourceMonitor
from ray.autoscaler.v2.instance_manager.subscribers.ray_stopper import RayStopper
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler
from ray.core.generated.autoscaler_pb2 import (
    ClusterResourceState,
    NodeState,
    NodeStatus,
    ResourceRequest,
    ResourceRequestByCount,
)

from rayjobs_k8s.objects import Document, Ref
from rayjobs_k8s.scaling.scaler import RAY_CLUSTERS, look
from tests.support.ray_cluster import ApiServer, apply, pod

CYCLE_S = 5
"""Between two cycles of Ray's autoscaler, as in its head pod."""
_HEAD = "head"
_OF_HEAD = {"node:__internal_head__": 1.0}


class RayApi:
    """The API server as Ray's provider speaks to it."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._version = count(1)

    def get(self, path: str) -> Document:
        if path.startswith("rayclusters"):
            found = self._api.get(Ref(*RAY_CLUSTERS, "rayjobs", "rayjobs"))
            assert found is not None
            return found
        names = [(_HEAD, "head", "headgroup"), *((name, "worker", "workers") for name in pods(self._api))]
        return {
            "metadata": {"resourceVersion": str(next(self._version))},
            "items": [_row(*each) for each in names],
        }

    def patch(self, _path: str, payload: list[Document], content_type: str = "") -> Document:
        assert content_type in {"", "application/json-patch+json"}
        assert self._api.cluster is not None
        for operation in payload:
            apply(self._api.cluster, operation)
        return self._api.cluster


def _row(name: str, node_type: str, group: str) -> Document:
    labels = {"ray.io/node-type": node_type, "ray.io/group": group, "ray.io/cluster": "rayjobs"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{}]},
        "status": {"containerStatuses": [{"state": {"running": {}}}]},
    }


def pods(api: ApiServer) -> list[str]:
    return [each["metadata"]["name"] for each in api.pods]


class Farm:
    """A worker group under two autoscalers; a worker has one CPU.

    Args:
        api: Holds its RayCluster and its WorkerGroupScaler.
    """

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.busy: set[str] = set()
        self.demand = 0
        """Tasks of one CPU that no node has room for."""
        self.refuses_to_drain = False
        self.deleted: list[str] = []
        self.drained: list[str] = []
        self.stopped_hard: list[str] = []
        self._names = count()
        self._idle_s: dict[str, int] = {}
        self._seen: set[str] = set()
        self._pod_of: dict[str, str] = {}
        self._version = count(1)
        self._errors: Queue[Any] = Queue()
        self._provider = KubeRayProvider(
            "rayjobs", {"namespace": "rayjobs"}, gcs_client=self, k8s_api_client=RayApi(api)
        )
        self._monitor = CloudResourceMonitor()
        self._stopper = RayStopper(self, self._errors)
        self._instances = InstanceManager(
            InstanceStorage("rayjobs", InMemoryStorage()),
            [CloudInstanceUpdater(cloud_provider=self._provider), self._stopper, self._monitor],
        )
        self._scheduler = ResourceDemandScheduler()

    @property
    def workers(self) -> list[str]:
        return pods(self.api)

    def operate(self) -> None:
        """Do what the KubeRay operator does for a group with autoscaling on: raycluster_controller.go."""
        group = self.api.group
        going = set(group.get("scaleStrategy", {}).get("workersToDelete") or ()) & set(self.workers)
        self.deleted += sorted(going)
        self.api.pods = [each for each in self.api.pods if each["metadata"]["name"] not in going]
        wanted = min(max(group["replicas"], group["minReplicas"]), group["maxReplicas"])
        self.api.pods += [pod(f"w{next(self._names)}") for _ in range(wanted - len(self.api.pods))]

    def cycle(self, times: int = 1, *, operator_is_late: bool = False) -> None:
        """Let the scaler, the operator and Ray's autoscaler act, in this order, `times` times."""
        for _ in range(times):
            look(self.api, "rayjobs")
            if not operator_is_late:
                self.operate()
            for name in self.workers:
                self._idle_s[name] = 0 if name in self.busy else self._idle_s.get(name, 0) + CYCLE_S
            self._seen |= set(self.workers)
            self._autoscale()
            self.operate()

    def _autoscale(self) -> None:
        config = AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(self.api.cluster))
        Reconciler.reconcile(
            instance_manager=self._instances,
            scheduler=self._scheduler,
            cloud_provider=self._provider,
            cloud_resource_monitor=self._monitor,
            ray_cluster_resource_state=self._state(),
            non_terminated_cloud_instances=self._provider.get_non_terminated(),
            cloud_provider_errors=self._provider.poll_errors(),
            autoscaling_config=config,
            ray_stop_errors=[self._errors.get() for _ in range(self._errors.qsize())],
        )
        self._stopper._executor.submit(lambda: None).result()

    def _state(self) -> Any:
        version = next(self._version)
        state = ClusterResourceState(cluster_resource_state_version=version)
        head = self._node(_HEAD, "headgroup", NodeStatus.RUNNING, total_resources=_OF_HEAD)
        state.node_states.append(head)
        for name in sorted(self._seen):
            if name in self.drained or name in self.stopped_hard or name not in self.workers:
                state.node_states.append(self._node(name, "workers", NodeStatus.DEAD))
                continue
            idle_s = self._idle_s[name]
            status = NodeStatus.IDLE if idle_s else NodeStatus.RUNNING
            free = {"CPU": 1.0 if idle_s else 0.0}
            node = self._node(
                name,
                "workers",
                status,
                total_resources={"CPU": 1.0},
                available_resources=free,
                idle_duration_ms=idle_s * 1000,
            )
            state.node_states.append(node)
        if self.demand:
            request = ResourceRequest(resources_bundle={"CPU": 1.0})
            state.pending_resource_requests.append(ResourceRequestByCount(request=request, count=self.demand))
        return state

    def _node(self, name: str, group: str, status: Any, **more: Any) -> Any:
        digest = hashlib.sha256(name.encode()).digest()[:28]
        self._pod_of[digest.hex()] = name
        return NodeState(node_id=digest, instance_id=name, ray_node_type_name=group, status=status, **more)

    def drain_node(self, node_id: str, *_: object, **__: object) -> tuple[bool, str]:
        """Answer as the GCS: a node that has become busy stays."""
        name = self._pod_of[node_id]
        if name in self.busy or self.refuses_to_drain:
            return False, "not idle"
        self.drained.append(name)
        return True, ""

    def drain_nodes(self, node_ids: list[Any]) -> list[Any]:
        """Answer as the GCS to an order that takes no refusal."""
        self.stopped_hard += [self._pod_of[node_id.hex()] for node_id in node_ids]
        return list(node_ids)
