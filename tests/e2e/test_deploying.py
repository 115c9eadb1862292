"""Deploying twice, and deploying what can't be: clear reasons, status 3, and nothing hangs."""

from collections.abc import Iterator

import pytest

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy import render
from rayjobs_k8s.deploy.readiness import troubles
from rayjobs_k8s.names import API_IMAGE, API_PODS, NAMESPACE, RAY_IMAGE, WORKERS
from rayjobs_k8s.objects import Document, Ref
from tests.support.on_cluster import READY_S, System, document
from tests.support.waiting import wait_until

HPA = Ref("autoscaling/v2", "HorizontalPodAutoscaler", WORKERS, NAMESPACE)
METRICS_SERVER = Ref("apps/v1", "Deployment", "metrics-server", "kube-system")
METRICS = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
OWNER = "/metadata/labels/app.kubernetes.io~1managed-by"


def versions(cluster: Cluster) -> dict[str, object]:
    """Return a version of each thing that we asked for: of what is in it, whatever its status says.

    Its generation; of kinds that have none, when something else than the status was last written.
    """
    values = render.Values({API_IMAGE: "", RAY_IMAGE: ""})
    refs = [Ref.of(each) for each in render.system(values)]
    found = {str(ref): cluster.get(ref) for ref in refs}
    return {
        name: each["metadata"].get("generation") or _written(each)
        for name, each in found.items()
        if each is not None
    }


def _written(document: Document) -> list[tuple[str, str]]:
    fields = document["metadata"]["managedFields"]
    return sorted((each["manager"], each["time"]) for each in fields if each.get("subresource") != "status")


def test_a_second_deployment_changes_nothing(system: System) -> None:
    before = versions(system.cluster)
    assert document(system.deploy())["changed"] is False
    assert versions(system.cluster) == before


def test_a_container_image_that_is_nowhere_is_named_and_the_old_system_works_on(system: System) -> None:
    done = system.deploy("--api-image", "localhost/rayjobs/nowhere:1")
    error = document(done, 3)["error"]
    assert error["code"] == "not_ready"
    assert "localhost/rayjobs/nowhere:1" in error["detail"]
    assert "--api-image" in error["remedy"]
    assert system.client.readiness()["registry"] == "ok"
    assert document(system.deploy())["changed"] is True


@pytest.fixture
def full_node(system: System) -> Iterator[None]:
    """Fill whatever the node has left with pods that ask for a little less than the API's."""
    labels = {"app": "hog"}
    container = {
        "name": "hog",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": "45m"}},
    }
    hogs = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "hog", "namespace": "default"},
        "spec": {
            "replicas": 44,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }
    system.cluster.create(hogs)
    try:
        wait_until(lambda: _unfit(system), READY_S, "a full node")
        yield
    finally:
        system.cluster.delete(Ref.of(hogs))


def _unfit(system: System) -> bool:
    pods = system.cluster.find("v1", "Pod", "default", labelSelector="app=hog")
    return any(trouble.code == "no_room" for pod in pods for trouble in troubles(pod))


@pytest.mark.usefixtures("full_node")
def test_a_full_node_is_the_reason_that_is_told(system: System) -> None:
    system.kill(API_PODS)
    error = document(system.deploy(), 3)["error"]
    assert error["code"] == "not_ready"
    assert "Insufficient cpu" in error["detail"]
    assert "--size small" in error["remedy"]


def there(cluster: Cluster, ref: Ref) -> Document:
    """Return an object that is there."""
    found = cluster.get(ref)
    assert found is not None, ref
    return found


def _scales(cluster: Cluster) -> bool:
    """Whether the HPA can do its work; it looks every 15 s."""
    conditions = there(cluster, HPA)["status"]["conditions"]
    return any(each["type"] == "ScalingActive" and each["status"] == "True" for each in conditions)


@pytest.fixture
def no_metrics(system: System) -> Iterator[None]:
    """Take the metrics away, as if they were the cluster's own and broken."""
    owner = there(system.cluster, METRICS)["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    system.cluster.patch(METRICS, [{"op": "replace", "path": OWNER, "value": "somebody"}])
    system.cluster.patch(METRICS_SERVER, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
    wait_until(lambda: not _scales(system.cluster), READY_S, "the HPA notices")
    yield
    system.cluster.patch(METRICS, [{"op": "replace", "path": OWNER, "value": owner}])
    system.cluster.patch(METRICS_SERVER, [{"op": "replace", "path": "/spec/replicas", "value": 1}])
    document(system.deploy())


@pytest.mark.usefixtures("no_metrics")
def test_without_metrics_the_reason_is_told(system: System) -> None:
    if not system.cluster.find("autoscaling/v2", "HorizontalPodAutoscaler", NAMESPACE):
        pytest.skip("nothing here needs metrics")
    error = document(system.deploy(), 3)["error"]
    assert error["code"] == "no_metrics"
    assert "metrics" in error["detail"]
