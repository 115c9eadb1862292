"""The network to Redis is cut, or drops everything: who asks is told at once, and the batch goes on."""

import time

import requests

from tests.support.faults import Harmed, Run, assert_equal
from tests.support.waiting import wait_until

BODY = {"source": {"type": "samples", "count": 1}, "pipeline": []}


def test_a_cut_is_answered_with_503_in_two_seconds(harmed: Harmed, clean: Run) -> None:
    def cut(own: Harmed, _batch_id: str) -> None:
        own.proxy.cut()
        began = time.monotonic()
        answer = requests.post(f"{own.stack.api}/batches", json=BODY, timeout=10)
        assert time.monotonic() - began < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "registry_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        wait_until(own.slots_rest, 30, "the slots have committed what they had in hand")
        own.proxy.mend()

    assert_equal(clean, harmed.run(cut), slower_s=12)


def test_a_network_that_drops_everything_only_delays(harmed: Harmed, clean: Run) -> None:
    def hold(own: Harmed, _batch_id: str) -> None:
        own.proxy.hold()
        answer = requests.post(f"{own.stack.api}/batches", json=BODY, timeout=30)
        assert answer.status_code == 503
        own.proxy.mend()

    assert_equal(clean, harmed.run(hold), slower_s=20)
