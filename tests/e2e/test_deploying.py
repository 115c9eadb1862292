"""A second deployment, and deployments that fail: a clear reason, exit status 3, and no endless wait."""

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
    """Return a version of each object of the system, which a change of its status does not change.

    The version is the generation; for kinds without one, the times of the last writes outside the status.
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


def test_a_missing_container_image_is_named_and_the_old_system_still_works(system: System) -> None:
    failed = system.deploy("--api-image", "localhost/rayjobs/nowhere:1")
    error = document(failed, 3)["error"]
    assert error["code"] == "not_ready"
    assert "localhost/rayjobs/nowhere:1" in error["detail"]
    assert "--api-image" in error["remedy"]
    assert system.client.readiness()["registry"] == "ok"
    assert document(system.deploy())["changed"] is True


@pytest.fixture
def full_node(system: System) -> Iterator[None]:
    """Fill the rest of the node with pods that request a little less than the API's pod."""
    labels = {"app": "filler"}
    container = {
        "name": "filler",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": "45m"}},
    }
    fillers = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "filler", "namespace": "default"},
        "spec": {
            "replicas": 44,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }
    system.cluster.create(fillers)
    try:
        wait_until(lambda: _is_full(system), READY_S, "a full node")
        yield
    finally:
        system.cluster.delete(Ref.of(fillers))


def _is_full(system: System) -> bool:
    pods = system.cluster.find("v1", "Pod", "default", labelSelector="app=filler")
    return any(trouble.code == "no_room" for pod in pods for trouble in troubles(pod))


@pytest.mark.usefixtures("full_node")
def test_a_full_node_is_the_reported_reason(system: System) -> None:
    system.kill(API_PODS)
    error = document(system.deploy(), 3)["error"]
    assert error["code"] == "not_ready"
    assert "Insufficient cpu" in error["detail"]
    assert "--size small" in error["remedy"]


def existing(cluster: Cluster, ref: Ref) -> Document:
    """Return an object that must exist."""
    found = cluster.get(ref)
    assert found is not None, ref
    return found


def _scales(cluster: Cluster) -> bool:
    """Return whether the HPA has its metrics; it reads them every 15 s."""
    conditions = existing(cluster, HPA)["status"]["conditions"]
    return any(each["type"] == "ScalingActive" and each["status"] == "True" for each in conditions)


@pytest.fixture
def no_metrics(system: System) -> Iterator[None]:
    """Stop the metrics, as if the cluster's own metrics-server were broken."""
    owner = existing(system.cluster, METRICS)["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    system.cluster.patch(METRICS, [{"op": "replace", "path": OWNER, "value": "somebody"}])
    system.cluster.patch(METRICS_SERVER, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
    wait_until(lambda: not _scales(system.cluster), READY_S, "an HPA without metrics")
    yield
    system.cluster.patch(METRICS, [{"op": "replace", "path": OWNER, "value": owner}])
    system.cluster.patch(METRICS_SERVER, [{"op": "replace", "path": "/spec/replicas", "value": 1}])
    document(system.deploy())


@pytest.mark.usefixtures("no_metrics")
def test_missing_metrics_are_the_reported_reason(system: System) -> None:
    if not system.cluster.find("autoscaling/v2", "HorizontalPodAutoscaler", NAMESPACE):
        pytest.skip("this system has no HPA, so it needs no metrics")
    error = document(system.deploy(), 3)["error"]
    assert error["code"] == "no_metrics"
    assert "metrics" in error["detail"]
