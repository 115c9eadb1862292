from copy import deepcopy
from typing import Any

from rayjobs_k8s.deploy import raycluster
from rayjobs_k8s.objects import Ref
from tests.support.fake_cluster import FakeCluster


def cluster(image: str = "ray:1", **group: object) -> dict[str, Any]:
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "rayjobs", "namespace": "rayjobs"},
        "spec": {
            "rayVersion": "2.60.0",
            "headGroupSpec": {"image": image},
            "workerGroupSpecs": [
                {
                    "groupName": "workers",
                    "replicas": 1,
                    "minReplicas": 1,
                    "maxReplicas": 10,
                    "image": image,
                    **group,
                }
            ],
        },
    }


def grown(document: dict[str, Any]) -> dict[str, Any]:
    """Return a live cluster whose autoscalers have changed its numbers."""
    live = raycluster.marked(deepcopy(document))
    live["spec"]["workerGroupSpecs"][0] |= {
        "replicas": 7,
        "minReplicas": 4,
        "numOfHosts": 1,
        "scaleStrategy": {"workersToDelete": ["a"]},
    }
    return live


def test_the_same_specification_again_changes_nothing() -> None:
    assert raycluster.amendments(grown(cluster()), cluster()) == []


def test_a_new_template_keeps_the_numbers_of_the_autoscalers() -> None:
    live = grown(cluster())
    fake = FakeCluster(live)
    desired = cluster("ray:2")
    after = fake.patch(Ref.of(live), raycluster.amendments(live, desired))
    (group,) = after["spec"]["workerGroupSpecs"]
    assert (group["image"], after["spec"]["headGroupSpec"]["image"]) == ("ray:2", "ray:2")
    assert (group["replicas"], group["minReplicas"]) == (7, 4)
    assert group["scaleStrategy"] == {"workersToDelete": ["a"]}
    assert raycluster.amendments(after, desired) == []


def test_no_operation_names_a_number_of_pods() -> None:
    operations = raycluster.amendments(grown(cluster()), cluster("ray:2"))
    assert not [each for each in operations if each["path"].rsplit("/", 1)[1] in raycluster.NOT_OURS]


def test_another_group_at_the_same_index_stops_the_patch() -> None:
    operations = raycluster.amendments(grown(cluster()), cluster("ray:2"))
    index = operations.index({"op": "test", "path": "/spec/workerGroupSpecs/0/groupName", "value": "workers"})
    first = next(
        i for i, each in enumerate(operations) if each["path"].startswith("/spec/workerGroupSpecs/0")
    )
    assert index == first


def test_a_field_that_the_manifest_no_longer_contains_is_removed() -> None:
    live = grown(cluster(idleTimeoutSeconds=30))
    after = FakeCluster(live).patch(Ref.of(live), raycluster.amendments(live, cluster()))
    assert "idleTimeoutSeconds" not in after["spec"]["workerGroupSpecs"][0]


def test_a_new_group_is_added_with_its_numbers() -> None:
    desired = cluster()
    desired["spec"]["workerGroupSpecs"].append({"groupName": "large", "replicas": 1, "minReplicas": 1})
    live = grown(cluster())
    after = FakeCluster(live).patch(Ref.of(live), raycluster.amendments(live, desired))
    assert after["spec"]["workerGroupSpecs"][1] == {"groupName": "large", "replicas": 1, "minReplicas": 1}


def test_a_cluster_that_somebody_else_made_is_patched_field_by_field() -> None:
    live = grown(cluster())
    del live["metadata"]["annotations"]
    live["metadata"]["annotations"] = {"theirs": "1"}
    after = FakeCluster(live).patch(Ref.of(live), raycluster.amendments(live, cluster("ray:2")))
    assert after["metadata"]["annotations"]["theirs"] == "1"
    assert after["spec"]["workerGroupSpecs"][0]["replicas"] == 7
