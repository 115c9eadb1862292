"""FLUSHALL in mid-batch: the registry is rebuilt from the record, and nothing runs twice or is lost."""

import time

from tests.support.faults import Harmed, Run, assert_equal
from tests.support.waiting import wait_until


def test_a_flush_changes_nothing_that_a_client_sees(harmed: Harmed, clean: Run) -> None:
    known = {batch["id"] for batch in harmed.stack.client.batches()}
    counts: list[dict[str, int]] = []

    def flush(own: Harmed, batch_id: str) -> None:
        before = own.look(batch_id)["counts"]["succeeded"]
        at = time.monotonic()
        own.server.flush()
        wait_until(lambda: own.look(batch_id)["counts"]["running"] > 0, 10, "the batch goes on")
        assert time.monotonic() - at < 10
        counts.append(own.look(batch_id)["counts"])
        assert counts[0]["succeeded"] >= before
        assert own.look(batch_id)["exact"]

    assert_equal(clean, harmed.run(flush), slower_s=10)
    assert {batch["id"] for batch in harmed.stack.client.batches()} > known, (
        "what had ended is listed as before"
    )
    wait_until(harmed.stack.client.workers, 10, "the worker has registered by itself")
