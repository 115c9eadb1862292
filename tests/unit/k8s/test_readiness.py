from typing import Any

import pytest

from rayjobs_k8s.deploy.readiness import is_ready, pods_of, progress, troubles, waits_for

DEPLOYMENT = {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}}
READY = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
HPA = {"kind": "HorizontalPodAutoscaler", "metadata": {}, "spec": {"metrics": [{}, {}]}}
KNOWN = {"type": "ContainerResource"}


def pod(*statuses: dict[str, Any], name: str = "p", **more: object) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "rayjobs", "uid": name, **more},
        "status": {"phase": "Pending", "containerStatuses": list(statuses)},
    }


def container(restarts: int = 0, *, ready: bool = False, **state: object) -> dict[str, Any]:
    return {"name": "main", "image": "x:1", "state": state, "restartCount": restarts, "ready": ready}


def waiting(reason: str) -> dict[str, Any]:
    return container(waiting={"reason": reason, "message": "they say"})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (READY, None),
        ({}, "0 of 2 pods are available"),
        (READY | {"availableReplicas": 1}, "1 of 2 pods are available"),
        (READY | {"observedGeneration": 1}, "2 of 2 pods are available"),
        (READY | {"replicas": 3}, "2 of 2 pods are available"),
    ],
)
def test_a_deployment_waits_for_the_pods_of_its_newest_revision(
    status: dict[str, Any], why: str | None
) -> None:
    assert waits_for({**DEPLOYMENT, "status": status}) == why


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"currentMetrics": [KNOWN, KNOWN]}, None),
        ({"currentMetrics": [KNOWN, {"type": ""}]}, "1 of 2 metrics are known"),
        ({"currentMetrics": None}, "0 of 2 metrics are known"),
        (
            {"conditions": [{"type": "ScalingActive", "status": "False", "message": "no server"}]},
            "0 of 2 metrics are known (no server)",
        ),
    ],
)
def test_an_autoscaler_waits_for_its_metrics(status: dict[str, Any], why: str | None) -> None:
    assert waits_for({**HPA, "status": status}) == why


def test_an_autoscaler_that_has_lost_its_metrics_waits_again() -> None:
    lost = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "FailedGetContainerResourceMetric",
        "message": "gone",
    }
    assert waits_for({**HPA, "status": {"currentMetrics": [KNOWN, KNOWN], "conditions": [lost]}}) is not None


def test_a_ray_cluster_waits_for_its_head_and_then_for_a_worker() -> None:
    cluster: dict[str, Any] = {
        "kind": "RayCluster",
        "metadata": {"generation": 1},
        "spec": {"workerGroupSpecs": [{"minReplicas": 2}]},
        "status": {"observedGeneration": 1, "readyWorkerReplicas": 1},
    }
    assert waits_for(cluster) == "the head is not ready"
    cluster["status"]["conditions"] = [{"type": "HeadPodReady", "status": "True"}]
    assert waits_for(cluster) is None
    cluster["status"]["readyWorkerReplicas"] = 0
    assert waits_for(cluster) == "no worker is ready"


def test_most_kinds_are_ready_once_they_exist() -> None:
    assert waits_for({"kind": "Service", "metadata": {}}) is None


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"]
)
def test_a_container_image_that_can_not_be_pulled_is_named(reason: str) -> None:
    (trouble,) = troubles(pod(waiting(reason)))
    assert (trouble.code, trouble.detail) == ("image", "x:1: they say")


def test_a_missing_secret_is_reported() -> None:
    (trouble,) = troubles(pod(waiting("CreateContainerConfigError")))
    assert trouble.code == "container"
    assert "they say" in trouble.detail


def test_a_container_that_is_starting_is_no_trouble() -> None:
    assert list(troubles(pod(waiting("ContainerCreating"), waiting("PodInitializing")))) == []


def test_a_container_that_restarts_again_and_again_is_a_trouble_and_its_log_is_read() -> None:
    ends = container(3, waiting={"reason": "CrashLoopBackOff"})
    ends["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    (trouble,) = troubles(pod(ends))
    assert (trouble.code, trouble.container) == ("crash", "main")
    assert "137" in trouble.detail
    assert "OOMKilled" in trouble.detail


def test_a_container_that_runs_after_restarts_is_no_trouble() -> None:
    assert list(troubles(pod(container(5, ready=True, running={})))) == []


def test_a_pod_that_fits_on_no_node_reports_what_is_missing() -> None:
    lost = pod()
    lost["status"]["conditions"] = [
        {"type": "PodScheduled", "reason": "Unschedulable", "message": "0/1 nodes: Insufficient cpu."}
    ]
    (trouble,) = troubles(lost)
    assert (trouble.code, trouble.detail) == ("no_room", "0/1 nodes: Insufficient cpu.")


def test_a_trouble_stays_the_same_when_its_message_changes() -> None:
    (one,) = troubles(pod(waiting("ErrImagePull")))
    other = pod(waiting("ImagePullBackOff"))
    other["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = "back off 20s"
    assert list(troubles(other)) == [one]


def test_pods_of_other_owners_of_old_revisions_and_leaving_pods_do_not_count() -> None:
    def replica_set(uid: str, revision: int) -> dict[str, Any]:
        note = {"deployment.kubernetes.io/revision": str(revision)}
        return {"metadata": {"uid": uid, "annotations": note, "ownerReferences": [{"uid": "api"}]}}

    pods = [
        pod(name="old", ownerReferences=[{"uid": "rs1"}]),
        pod(name="new", ownerReferences=[{"uid": "rs2"}]),
        pod(name="other", ownerReferences=[{"uid": "ray"}]),
        pod(name="leaving", deletionTimestamp="now", ownerReferences=[{"uid": "ray"}]),
    ]
    revisions = [replica_set("rs1", 9), replica_set("rs2", 10)]
    assert [each["metadata"]["name"] for each in pods_of({"api"}, pods, revisions)] == ["new"]
    assert [each["metadata"]["name"] for each in pods_of({"ray"}, pods, revisions)] == ["other"]


def test_the_progress_of_a_pod_is_a_short_text() -> None:
    assert progress(pod(waiting("ContainerCreating"))) == "main: ContainerCreating"
    assert progress(pod(container(running={}))) == "main not ready"
    starting = pod(waiting("PodInitializing"))
    starting["status"]["initContainerStatuses"] = [
        {"name": "wait-gcs-ready", "ready": False, "state": {"running": {}}}
    ]
    assert progress(starting) == "wait-gcs-ready runs"


def test_a_pod_that_has_ended_with_success_is_ready() -> None:
    done = pod()
    assert not is_ready(done)
    done["status"]["phase"] = "Succeeded"
    assert is_ready(done)
