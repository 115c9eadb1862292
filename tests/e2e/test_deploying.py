"""Deploying twice, and deploying what can't be: clear reasons, status 3, and nothing hangs."""

from collections.abc import Iterator

import pytest

from k8s import render
from k8s.cluster import Cluster, Ref
from k8s.names import API_IMAGE, API_PODS, NAMESPACE, RAY_IMAGE
from tests.support.on_cluster import READY_S, System, document
from tests.support.waiting import wait_until

METRICS_SERVER = Ref("apps/v1", "Deployment", "metrics-server", "kube-system")
METRICS = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
OWNER = "/metadata/labels/app.kubernetes.io~1managed-by"


def versions(cluster: Cluster) -> dict[str, str]:
    """Return the version of each thing that we asked for: what is in it, whatever its status says."""
    values = render.Values({API_IMAGE: "", RAY_IMAGE: ""})
    refs = [Ref.of(each) for each in render.system(values)]
    found = {str(ref): cluster.get(ref) for ref in refs}
    return {
        name: each["metadata"].get("generation") or each["metadata"]["resourceVersion"]
        for name, each in found.items()
        if each is not None
    }


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
    """Take all that the node has left."""
    (node,) = system.cluster.find("v1", "Node")
    cores = node["status"]["allocatable"]["cpu"]
    hog = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hog", "namespace": "default"},
        "spec": {
            "priority": 0,
            "containers": [
                {"name": "hog", "image": "redis:7", "resources": {"requests": {"cpu": _rest(system, cores)}}}
            ],
        },
    }
    del hog["spec"]["priority"]  # type: ignore[attr-defined]
    system.cluster.create(hog)
    yield
    system.cluster.delete(Ref.of(hog), grace_s=0)


def _rest(system: System, cores: str) -> str:
    asked = sum(
        _milli(each["resources"].get("requests", {}).get("cpu", "0"))
        for pod in system.cluster.find("v1", "Pod")
        if pod["status"]["phase"] in ("Running", "Pending")
        for each in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
        if each["name"] != "wait-gcs-ready"
    )
    return f"{_milli(cores) - asked - 10}m"


def _milli(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(float(quantity) * 1000)


@pytest.mark.usefixtures("full_node")
def test_a_full_node_is_the_reason_that_is_told(system: System) -> None:
    wait_until(lambda: _phase(system) == "Running", READY_S, "the hog")
    system.kill(API_PODS)
    error = document(system.deploy(), 3)["error"]
    assert error["code"] == "not_ready"
    assert "Insufficient cpu" in error["detail"]
    assert "--size small" in error["remedy"]


def _phase(system: System) -> str:
    hog = system.cluster.get(Ref("v1", "Pod", "hog", "default"))
    return str(hog["status"]["phase"]) if hog else ""


@pytest.fixture
def no_metrics(system: System) -> Iterator[None]:
    """Take the metrics away, as if they were the cluster's own and broken."""
    owner = system.cluster.get(METRICS)["metadata"]["labels"]["app.kubernetes.io/managed-by"]  # type: ignore[index]
    system.cluster.patch(METRICS, [{"op": "replace", "path": OWNER, "value": "somebody"}])
    system.cluster.patch(METRICS_SERVER, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
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
