"""A purge in the middle of a run, and a fresh batch after it."""

from tests.support.on_cluster import System


def test_a_purge_in_mid_run_leaves_nothing_and_the_next_batch_succeeds(system: System) -> None:
    old = system.submit(60)
    system.await_done(old, 2)
    before = {worker["id"] for worker in system.client.workers()}
    answer = system.client.purge()
    assert answer["cancelled_batches"] == 1
    assert system.client.queue()["pending"] == 0
    assert old not in {batch["id"] for batch in system.client.batches()}
    fresh = system.await_end(system.submit(4))
    assert fresh["state"] == "succeeded"
    assert fresh["counts"]["succeeded"] == 4
    assert before <= {worker["id"] for worker in system.client.workers()}
