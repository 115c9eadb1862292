"""A pod is killed in the middle of a batch: the batch still succeeds, each item once, each output whole."""

import pytest

from rayjobs_cli.load_test.load import unusable_outputs
from rayjobs_k8s.names import API_PODS, HEAD_PODS, WORKER_PODS
from tests.support.on_cluster import System
from tests.support.waiting import wait_until

PICTURES = 40
PODS = {
    "worker": WORKER_PODS,
    "dispatcher": "app.kubernetes.io/name=dispatcher",
    "api": API_PODS,
    "redis": "app.kubernetes.io/name=redis",
    "head": HEAD_PODS,
}


@pytest.mark.parametrize("part", PODS)
def test_a_batch_succeeds_after_the_kill_of_a_pod(system: System, part: str) -> None:
    batch_id = system.submit(PICTURES)
    system.await_done(batch_id, 4)
    killed = system.kill(PODS[part])
    wait_until(lambda: killed not in uids(system, part), 60, f"the end of {part}'s pod")
    batch = system.await_end(batch_id)
    assert batch["state"] == "succeeded", batch
    assert batch["counts"] == {**dict.fromkeys(batch["counts"], 0), "total": PICTURES, "succeeded": PICTURES}
    items = system.client.items(batch_id)
    assert [item["index"] for item in items] == list(range(PICTURES))
    assert unusable_outputs(system.client, ((batch_id, item) for item in items), lambda *_: None) == {}


def uids(system: System, part: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in system.pods(PODS[part])}
