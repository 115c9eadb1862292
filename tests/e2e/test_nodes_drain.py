"""A drain of a node: any worker may be evicted, even the last one, and another worker does its items."""

from kubernetes.client import ApiClient, CoreV1Api, V1Eviction, V1ObjectMeta

from rayjobs_k8s.deploy.readiness import is_leaving
from rayjobs_k8s.names import NAMESPACE, WORKER_PODS
from rayjobs_k8s.objects import Document
from tests.support.on_cluster import System
from tests.support.waiting import wait_until

PICTURES = 12
START_S = 60


def test_the_last_worker_may_be_evicted_and_its_items_are_done_by_another(system: System) -> None:
    undisturbed = system.submit(PICTURES)
    assert system.await_end(undisturbed)["state"] == "succeeded"
    batch_id = system.submit(PICTURES)
    wait_until(lambda: system.counts(batch_id)["running"], START_S, "items in work")
    evicted = {pod["metadata"]["uid"] for pod in evict(system)}
    batch = system.await_end(batch_id)
    assert evicted
    assert batch["counts"] == {**dict.fromkeys(batch["counts"], 0), "total": PICTURES, "succeeded": PICTURES}
    assert digests(system, batch_id) == digests(system, undisturbed)
    wait_until(lambda: not evicted & uids(system), START_S, "the end of the evicted pods")


def evict(system: System) -> list[Document]:
    """Evict every worker as `kubectl drain` does; a budget that forbids it would refuse with 429."""
    core = CoreV1Api(ApiClient(system.cluster._settings))
    pods = [pod for pod in system.pods(WORKER_PODS) if not is_leaving(pod)]
    for pod in pods:
        name = pod["metadata"]["name"]
        core.create_namespaced_pod_eviction(
            name, NAMESPACE, V1Eviction(metadata=V1ObjectMeta(name=name, namespace=NAMESPACE))
        )
    return pods


def digests(system: System, batch_id: str) -> list[tuple[int, str]]:
    return [(item["index"], item["output"]["sha256"]) for item in system.client.items(batch_id)]


def uids(system: System) -> set[str]:
    return {pod["metadata"]["uid"] for pod in system.pods(WORKER_PODS)}
