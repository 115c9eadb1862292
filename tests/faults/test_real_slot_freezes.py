"""A slot is stopped as long as the batch lasts: its chunk runs elsewhere, and its late word is refused."""

import signal
import time

from tests.support.faults import Harmed, Run, assert_equal
from tests.support.waiting import wait_until


def test_a_frozen_slot_holds_up_nobody_and_changes_nothing_when_it_wakes(harmed: Harmed, clean: Run) -> None:
    start, batch_id = time.monotonic(), harmed.submit()
    harmed.in_the_middle(batch_id)
    frozen = harmed.busy_slot()
    frozen.send_signal(signal.SIGSTOP)
    try:
        run = harmed.stock(batch_id, start)
        assert_equal(clean, run, slower_s=15)
        items = harmed.stack.client.items(batch_id)
    finally:
        frozen.send_signal(signal.SIGCONT)
    wait_until(harmed.slots_rest, 30, "the slot that woke up has nothing in hand")
    assert harmed.stack.client.items(batch_id) == items
    assert harmed.look(batch_id)["counts"] == run.counts
