"""A field that an API server omits, or returns as null, is read as empty; no reader fails."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from typing_extensions import override

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.cluster import context, images
from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deadline import Deadline
from rayjobs_k8s.deploy import apply, prerequisites, raycluster, readiness, render, rollout, teardown, wait
from rayjobs_k8s.errors import DeployError
from rayjobs_k8s.objects import Document, Ref, entries, number, part, text, texts
from rayjobs_k8s.scaling import observe, scaler
from tests.support.fake_cluster import FakeCluster

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-1", "uid": "ReplicaSet api-1"}
LABELS = {"ray.io/cluster": "rayjobs", "ray.io/group": "workers", "ray.io/node-type": "worker"}
OURS = {"app.kubernetes.io/part-of": "rayjobs", "app.kubernetes.io/managed-by": "rayjobs-deploy"}


def made(api_version: str, kind: str, name: str, **more: Any) -> Document:
    labels = LABELS if kind == "Pod" else OURS
    metadata: Document = {
        "name": name,
        "namespace": "rayjobs",
        "uid": f"{kind} {name}",
        "labels": dict(labels),
    }
    metadata |= {"annotations": {"note": "x"}, "generation": 2, "managedFields": [{"manager": "x"}]}
    metadata |= {"resourceVersion": "7", **more.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def condition(kind: str, status: str = "True") -> Document:
    return {"type": kind, "status": status, "reason": "R", "message": "M", "lastTransitionTime": "T"}


def container(**state: Any) -> Document:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    return {
        "name": "main",
        "image": "x:1",
        "state": state,
        "lastState": ended,
        "restartCount": 3,
        "ready": False,
    }


METRIC = {
    "containerResource": {"name": "cpu", "target": {"averageUtilization": 50}},
    "type": "ContainerResource",
}
USED = {
    "containerResource": {"name": "cpu", "current": {"averageUtilization": 60}},
    "type": "ContainerResource",
}
GROUP = {"groupName": "workers", "replicas": 1, "minReplicas": 1, "maxReplicas": 5, "template": {"spec": {}}}

OBJECTS = {
    "node": made(
        "v1",
        "Node",
        "n",
        spec={"unschedulable": False},
        status={
            "allocatable": {"cpu": "2"},
            "conditions": [condition("Ready")],
            "images": [{"names": ["a:1", "a:2"], "sizeBytes": 5}],
        },
    ),
    "pod": made(
        "v1",
        "Pod",
        "p",
        metadata={"ownerReferences": [OWNER], "deletionTimestamp": "T"},
        status={
            "phase": "Pending",
            "conditions": [
                condition("PodScheduled", "False") | {"reason": "Unschedulable"},
                condition("Ready"),
            ],
            "initContainerStatuses": [container(running={"startedAt": "T"})],
            "containerStatuses": [container(waiting={"reason": "ErrImagePull", "message": "m"})],
        },
    ),
    "replica set": made(
        "apps/v1",
        "ReplicaSet",
        "api-1",
        metadata={
            "ownerReferences": [OWNER | {"kind": "Deployment", "uid": "Deployment api"}],
            "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
    ),
    "deployment": made(
        "apps/v1",
        "Deployment",
        "api",
        spec={
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "a", "image": "kuberay/operator:v1.6.1"}]}},
        },
        status={"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    ),
    "stateful set": made(
        "apps/v1",
        "StatefulSet",
        "redis",
        spec={"replicas": 1},
        status={"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1},
    ),
    "autoscaler": made(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "workers",
        spec={
            "metrics": [
                METRIC,
                METRIC | {"containerResource": {"name": "memory", "target": {"averageUtilization": 80}}},
            ]
        },
        status={
            "desiredReplicas": 2,
            "currentMetrics": [USED],
            "conditions": [condition("ScalingActive", "False")],
        },
    ),
    "ray cluster": made(
        "ray.io/v1",
        "RayCluster",
        "rayjobs",
        metadata={"annotations": {raycluster.MARK: "old"}, "finalizers": ["x"]},
        spec={
            "autoscalerOptions": {"idleTimeoutSeconds": 20},
            "workerGroupSpecs": [GROUP | {"scaleStrategy": {"workersToDelete": ["p"]}}],
        },
        status={"observedGeneration": 2, "readyWorkerReplicas": 1, "conditions": [condition("HeadPodReady")]},
    ),
    "scaler": made(
        "scale.rayjobs.dev/v1alpha1",
        "WorkerGroupScaler",
        "workers",
        metadata={"finalizers": ["x"]},
        spec={"cluster": "rayjobs", "group": "workers", "replicas": 3},
        status={"conditions": [condition("Following")], "replicas": 1},
    ),
    "definition": made(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "c",
        status={"conditions": [condition("Established")]},
    ),
    "metrics": made(
        "apiregistration.k8s.io/v1",
        "APIService",
        "v1beta1.metrics.k8s.io",
        metadata={"namespace": ""},
        status={"conditions": [condition("Available", "False")]},
    ),
    "secret": made("v1", "Secret", "api-keys", data={"keys": "a2V5"}, type="Opaque"),
    "event": made(
        "v1",
        "Event",
        "e",
        reason="Failed",
        message="it did",
        lastTimestamp="T1",
        eventTime="T0",
        involvedObject={"name": "p"},
    ),
}
ALWAYS_THERE = {
    ("apiVersion",),
    ("kind",),
    ("metadata",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "uid"),
    # Their own definitions require these.
    ("spec", "cluster"),
    ("spec", "group"),
}
"""Fields that no API server omits. A `spec` may be missing as a whole."""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield (*path, key)
        yield from paths(each, (*path, key))


def variants() -> Iterator[tuple[str, str, Document]]:
    for name, document in OBJECTS.items():
        for path in paths(document):
            if path in ALWAYS_THERE or (name == "scaler" and path == ("spec",)):
                continue
            *parents, last = path
            shown = "/".join(map(str, path))
            for how in ("omitted", "null"):
                changed: Any = deepcopy(document)
                parent = changed
                for key in parents:
                    parent = parent[key]
                if how == "null":
                    parent[last] = None
                else:
                    del parent[last]
                yield name, f"{name}: {shown} {how}", changed


class RawCluster(FakeCluster):
    """Returns each object as it was given, and ignores label selectors."""

    server = "127.0.0.1"
    version = (1, 34)

    @override
    def _write(self, document: Document) -> Document:
        ref = Ref.of(document)
        if ref not in self.objects:
            document["metadata"].setdefault("uid", str(ref))
            self.objects[ref] = document
        return deepcopy(self.objects[ref])

    @override
    def find(self, api_version: str, kind: str, namespace: str | None = None, **query: str) -> list[Document]:
        del namespace, query
        wanted = (api_version, kind)
        return [deepcopy(each) for ref, each in self.objects.items() if (ref.api_version, ref.kind) == wanted]


BRIEF_S = 0.001


def silent(_: str) -> None: ...


def read_all(cluster: RawCluster) -> None:
    """Run every reader of the API server's answers on a cluster."""
    everything = list(cluster.objects.values())
    pods = cluster.find("v1", "Pod")
    for each in everything:
        readiness.waits_for(each)
    for pod in pods:
        list(readiness.troubles(pod))
        readiness.progress(pod)
        readiness.is_ready(pod)
    readiness.pods_of({"Deployment api"}, pods, cluster.find("apps/v1", "ReplicaSet"))
    observe.group_status(cluster)
    scaler.look(cluster, "rayjobs")
    prerequisites.operator(cluster)
    prerequisites.install_metrics(cluster, silent)
    rollout.api_key(cluster)
    desired = {"spec": {"workerGroupSpecs": [GROUP]}}
    for ray in cluster.find("ray.io/v1", "RayCluster"):
        raycluster.amendments(ray, desired)
    apply.apply(cluster, [each for each in everything if each["kind"] == "Deployment"], silent)
    apply.prune(cluster, [each for each in everything if each["kind"] == "ReplicaSet"], "rayjobs", silent)
    nodes = cluster.find("v1", "Node")
    context.size_of(nodes)
    images.provide(images.ImageOptions("r", "a"), "kind-x", nodes, silent)
    for work in (
        partial(context.require_fit, cluster, "pvc:x"),
        partial(_wait, cluster),
        partial(rollout._await_metrics, cluster, [], BRIEF_S, silent),
        partial(teardown._delete_finalized, cluster, [Ref.of(each) for each in everything], BRIEF_S, silent),
    ):
        _allow_errors(work)


def _wait(cluster: Cluster) -> None:
    refs = [Ref.of(each) for each in cluster.find("apps/v1", "Deployment")]
    wait.ReadyWaiter(cluster, Deadline(BRIEF_S), silent).until_ready(
        [*refs, Ref("v1", "Gone", "x", "rayjobs")]
    )


def _allow_errors(work: Callable[[], object]) -> None:
    """Run a function that may raise an error for people, and no other error."""
    with suppress(DeployError, CommandError):
        work()


@pytest.fixture(autouse=True)
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(images, "tag", lambda image: image)
    monkeypatch.setattr(render, "metrics_server", list)


@pytest.mark.parametrize("name", OBJECTS)
def test_no_reader_fails_for_a_missing_field(name: str) -> None:
    read = 0
    for kind, variant, changed in variants():
        if kind != name:
            continue
        others = [each for other, each in OBJECTS.items() if other != name]
        try:
            read_all(RawCluster(changed, *others))
        except Exception as error:
            error.add_note(variant)
            raise
        read += 1
    assert read > 10


def test_a_field_is_read() -> None:
    document = {
        "a": {"b": [{"c": 1}, None, "x", {"c": None}]},
        "n": 5,
        "w": "word",
        "l": ["x", None],
        "e": None,
    }
    assert part(document, "a")["b"]
    assert entries(document, "a", "b") == [{"c": 1}, {"c": None}]
    assert texts(document, "l") == ["x"]
    assert (text(document, "w"), number(document, "n")) == ("word", 5)


@pytest.mark.parametrize("document", [None, {}, {"a": None}, {"a": {"b": None}}, {"a": []}, {"a": {"b": {}}}])
def test_a_missing_field_is_empty(document: Document | None) -> None:
    assert part(document, "a", "b") == {}
    assert entries(document, "a", "b") == []
    assert texts(document, "a", "b") == []
    assert text(document, "a", "b") == ""
    assert number(document, "a", "b", default=3) == 3


@pytest.mark.parametrize(
    "answer", [{}, {"items": None}, {"items": [None]}, {"items": [{"metadata": {"name": "x"}}]}]
)
def test_a_list_of_objects_may_be_null(answer: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster.__new__(Cluster)
    cluster._kinds = {"v1": {"Pod": {"name": "pods", "namespaced": True}}}
    monkeypatch.setattr(cluster, "_ask", lambda *_, **__: answer)
    found = cluster.find("v1", "Pod", "rayjobs")
    assert [(each["kind"], each["apiVersion"]) for each in found] == [("Pod", "v1")] * len(found)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ({"major": "1", "minor": "34"}, (1, 34)),
        ({"major": "1", "minor": "29+"}, (1, 29)),
        ({"major": "1", "minor": "31-gke.5"}, (1, 31)),
        ({"major": "", "minor": None}, None),
        ({}, None),
    ],
)
def test_a_version_may_have_letters_or_be_missing(
    answer: Document, version: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster.__new__(Cluster)
    cluster._settings = type("Settings", (), {"host": "https://x"})()
    monkeypatch.setattr(cluster, "_ask", lambda *_: answer)
    if version is not None:
        assert cluster.version == version
        return
    with pytest.raises(DeployError, match="does not report its version"):
        assert cluster.version
