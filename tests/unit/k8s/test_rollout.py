"""A rollout and its end, on a cluster in memory whose objects are ready at once."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from typing_extensions import override

from rayjobs_k8s.deploy import kuberay
from rayjobs_k8s.deploy.prerequisites import METRICS
from rayjobs_k8s.deploy.render import Values
from rayjobs_k8s.deploy.rollout import RolloutOptions, roll_out
from rayjobs_k8s.deploy.teardown import take_down
from rayjobs_k8s.errors import DeployError, NotReadyError
from rayjobs_k8s.names import API_IMAGE, MANAGER, NAMESPACE, RAY_IMAGE
from rayjobs_k8s.objects import Document, Ref
from tests.support.fake_cluster import FakeCluster

RAYCLUSTER = Ref("ray.io/v1", "RayCluster", "rayjobs", NAMESPACE)
SCALER = Ref("scale.rayjobs.dev/v1alpha1", "WorkerGroupScaler", "workers", NAMESPACE)
API = Ref("apps/v1", "Deployment", "api", NAMESPACE)
OPERATOR = Ref("apps/v1", "Deployment", "kuberay-operator", kuberay.NAMESPACE)


def well(document: Document) -> None:
    """Write the status that a controller writes when all goes well."""
    replicas = document.get("spec", {}).get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
    kinds = ("Available", "Established", "Following", "HeadPodReady")
    conditions = [{"type": kind, "status": "True"} for kind in kinds]
    document["status"] = {
        **dict.fromkeys(counts, replicas),
        "readyWorkerReplicas": 9,
        "conditions": conditions,
    }
    if document["kind"] == "Secret" and "stringData" in document:
        document["data"] = {}
    if document["kind"] == "HorizontalPodAutoscaler":
        document["status"] = {"currentMetrics": [{"type": "x"} for _ in document["spec"]["metrics"]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the smallest folder that counts as an operator's."""
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]", encoding="utf-8")
    (tmp_path / "all.yaml").write_text(
        "{kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, "
        f"metadata: {{name: {kuberay.CRD}}}}}\n---\n"
        "{kind: Deployment, apiVersion: apps/v1, metadata: {name: kuberay-operator}, "
        "spec: {template: {spec: {containers: [{name: o, image: 'quay.io/kuberay/operator:v1.6.1'}]}}}}\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def options(folder: Path) -> RolloutOptions:
    return RolloutOptions(Values({API_IMAGE: "api:1", RAY_IMAGE: "ray:1"}), folder, folder, limit_s=5.0)


def silent(_: str) -> None: ...


def test_an_empty_cluster_gets_every_object(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    assert roll_out(cluster, options, silent)
    kinds = {ref.kind for ref in cluster.objects}
    assert {"Namespace", "Secret", "RayCluster", "Deployment", "NetworkPolicy", "APIService"} <= kinds
    assert cluster.objects[OPERATOR]
    group = cluster.objects[RAYCLUSTER]["spec"]["workerGroupSpecs"][0]
    assert (group["replicas"], group["minReplicas"]) == (1, 1)


def test_a_second_rollout_writes_nothing(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    roll_out(cluster, options, silent)
    before = {ref: each["metadata"]["resourceVersion"] for ref, each in cluster.objects.items()}
    assert not roll_out(cluster, options, silent)
    assert {ref: each["metadata"]["resourceVersion"] for ref, each in cluster.objects.items()} == before


def test_a_second_rollout_keeps_the_numbers_of_pods(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    roll_out(cluster, options, silent)
    group = cluster.objects[RAYCLUSTER]["spec"]["workerGroupSpecs"][0]
    group |= {"replicas": 6, "minReplicas": 3}
    cluster.objects[SCALER]["spec"]["replicas"] = 3
    other = RolloutOptions(
        Values({API_IMAGE: "api:1", RAY_IMAGE: "ray:2"}), options.cache, options.kuberay_folder, 5.0
    )
    assert roll_out(cluster, other, silent)
    after = cluster.objects[RAYCLUSTER]["spec"]["workerGroupSpecs"][0]
    assert (after["replicas"], after["minReplicas"]) == (6, 3)
    assert cluster.objects[SCALER]["spec"]["replicas"] == 3
    assert after["template"]["spec"]["containers"][0]["image"] == "ray:2"


def test_a_second_rollout_keeps_the_generated_secrets(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    roll_out(cluster, options, silent)
    before = {ref: each for ref, each in cluster.objects.items() if ref.kind == "Secret"}
    roll_out(cluster, options, silent)
    assert {ref: each for ref, each in cluster.objects.items() if ref.kind == "Secret"} == before
    assert {ref.name for ref in before} == {"redis", "api-keys", RAYCLUSTER.name}
    keys = [each["stringData"]["keys"] for ref, each in before.items() if ref.name == "api-keys"]
    assert keys[0].startswith("rayjobs_")  # never with a dash: a command would read it as an option


def test_an_object_that_the_manifests_no_longer_contain_is_deleted(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    roll_out(cluster, options, silent)
    labels = cluster.objects[API]["metadata"]["labels"]
    old: Document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "old", "namespace": NAMESPACE, "labels": labels},
    }
    theirs = {**old, "metadata": {"name": "theirs", "namespace": NAMESPACE}}
    owned = {**old, "metadata": {**old["metadata"], "name": "owned", "ownerReferences": [{}]}}
    for each in (old, theirs, owned):
        cluster.create(each)
    assert roll_out(cluster, options, silent)
    assert {ref.name for ref in cluster.objects if ref.kind == "Service"} >= {"theirs", "owned", "api"}
    assert Ref.of(old) in cluster.deleted


def test_a_cluster_with_metrics_and_an_operator_keeps_its_own(options: RolloutOptions) -> None:
    theirs = [
        {"apiVersion": METRICS.api_version, "kind": METRICS.kind, "metadata": {"name": METRICS.name}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "o", "namespace": "ray"},
            "spec": {"template": {"spec": {"containers": [{"image": "quay.io/kuberay/operator:v1.7.0"}]}}},
        },
    ]
    cluster = FakeCluster(*theirs, status=well)
    said: list[str] = []
    roll_out(cluster, options, said.append)
    assert "KubeRay 1.7.0 is installed already" in said
    assert OPERATOR not in cluster.objects
    assert cluster.objects[METRICS]["metadata"].get("labels") is None
    assert take_down(cluster, silent) == ["rayjobs"]
    assert METRICS in cluster.objects


def test_definitions_of_the_cluster_without_an_operator_are_refused(options: RolloutOptions) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kuberay.CRD},
    }
    with pytest.raises(kuberay.OperatorError, match="no operator"):
        roll_out(FakeCluster(crd, status=well), options, silent)


def test_an_object_that_the_cluster_refuses_is_named(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    cluster.refuses = {"NetworkPolicy"}
    with pytest.raises(DeployError, match="NetworkPolicy rayjobs/default-deny") as raised:
        roll_out(cluster, options, silent)
    assert "right" in raised.value.remedy


def test_the_end_deletes_what_was_installed_and_nothing_else(options: RolloutOptions) -> None:
    cluster = FakeCluster(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"}}, status=well
    )
    roll_out(cluster, options, silent)
    assert take_down(cluster, silent) == ["rayjobs", "kuberay", "metrics-server"]
    assert [str(ref) for ref in cluster.objects] == ["Namespace theirs"]
    assert take_down(cluster, silent) == []


def test_an_operator_that_serves_others_stays(options: RolloutOptions) -> None:
    cluster = FakeCluster(status=well)
    roll_out(cluster, options, silent)
    cluster.create(
        {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "x", "namespace": "theirs"}}
    )
    assert take_down(cluster, silent) == ["rayjobs", "metrics-server"]
    assert OPERATOR in cluster.objects


def test_an_object_that_no_controller_finalizes_loses_its_finalizers() -> None:
    held = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "x", "namespace": NAMESPACE, "finalizers": ["a"]},
    }
    patched: list[Ref] = []

    class Holding(FakeCluster):
        @override
        def delete(self, ref: Ref, grace_s: int | None = None) -> None: ...

        @override
        def patch(self, ref: Ref, operations: Iterable[Document], subresource: str = "") -> Document:
            assert list(operations)
            patched.append(ref)
            return self.objects.pop(ref)

    take_down(Holding(held), silent, finalizers_s=0.1)
    assert patched == [Ref.of(held)]


def test_a_pod_that_can_not_start_ends_the_wait_with_its_log(options: RolloutOptions) -> None:
    def broken_api(document: Document) -> None:
        well(document)
        if document["metadata"]["name"] == "api":
            document["status"] = {}

    ends = {
        "name": "api",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "restartCount": 3,
        "ready": False,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api-1", "namespace": NAMESPACE, "ownerReferences": [{"uid": "Deployment api"}]},
        "status": {"containerStatuses": [ends]},
    }
    cluster = FakeCluster(status=broken_api)
    cluster.objects[Ref.of(pod)] = pod
    cluster.said["api-1"] = ["RuntimeError: no such setting"]
    with pytest.raises(NotReadyError, match="no such setting") as raised:
        roll_out(cluster, options, silent)
    assert "Pod rayjobs/api-1: api ended 3 times" in raised.value.detail


def test_an_object_that_is_not_ready_in_time_is_named_with_the_state_of_its_pods(
    options: RolloutOptions,
) -> None:
    def slow_head(document: Document) -> None:
        well(document)
        if document["kind"] == "RayCluster":
            document["status"] = {}

    init = {"name": "wait-gcs-ready", "state": {"running": {}}, "ready": False, "restartCount": 0}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "w-1",
            "namespace": NAMESPACE,
            "ownerReferences": [{"uid": "RayCluster rayjobs"}],
        },
        "status": {"phase": "Pending", "initContainerStatuses": [init]},
    }
    cluster = FakeCluster(status=slow_head)
    cluster.objects[Ref.of(pod)] = pod
    cluster.said["w-1"] = ["5 seconds elapsed: Waiting for GCS to be ready."]
    brief = RolloutOptions(options.values, options.cache, options.kuberay_folder, limit_s=0.3)
    with pytest.raises(NotReadyError) as raised:
        roll_out(cluster, brief, silent)
    assert f"{MANAGER}" not in raised.value.detail
    for part in ("the head is not ready", "wait-gcs-ready runs", "Waiting for GCS"):
        assert part in raised.value.detail
