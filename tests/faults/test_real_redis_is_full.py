"""Redis is at `maxmemory`: submissions are refused, nothing is dropped, and the batch goes on with room."""

import requests

from tests.support.faults import Harmed, Run, assert_equal

BODY = {"source": {"type": "samples", "count": 1}, "pipeline": []}


def test_what_can_not_be_kept_is_not_taken(harmed: Harmed, clean: Run) -> None:
    def fill(own: Harmed, _batch_id: str) -> None:
        with own.server.client as client:
            client.config_set("maxmemory", 1)
            try:
                listed = len(own.stack.client.batches())
                answer = requests.post(f"{own.stack.api}/batches", json=BODY, timeout=10)
                assert (answer.status_code, answer.json()["code"]) == (503, "registry_unavailable")
                assert "maxmemory" in answer.json()["detail"]
                assert len(own.stack.client.batches()) == listed
            finally:
                client.config_set("maxmemory", 0)

    assert_equal(clean, harmed.run(fill), slower_s=10)
