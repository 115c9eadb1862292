"""A purge in the middle of a run, and a fresh batch after it."""

from rayjobs_k8s.deploy.readiness import is_ready
from rayjobs_k8s.names import WORKER_PODS
from tests.support.on_cluster import READY_S, System
from tests.support.waiting import wait_until


def test_a_purge_during_a_batch_empties_the_queue_and_the_next_batch_succeeds(system: System) -> None:
    old = system.submit(60)
    system.await_done(old, 2)
    assert system.client.purge()["cancelled_batches"] == 1
    assert system.client.queue()["pending"] == 0
    assert system.state(old) == "cancelled"
    wait_until(lambda: unregistered(system) == set(), READY_S, "the registration of every worker")
    fresh = system.await_end(system.submit(4))
    assert (fresh["state"], fresh["counts"]["succeeded"]) == ("succeeded", 4)


def unregistered(system: System) -> set[str]:
    pods = {pod["metadata"]["name"] for pod in system.pods(WORKER_PODS) if is_ready(pod)}
    return pods - {worker["pod"] for worker in system.client.workers()}
