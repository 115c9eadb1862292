"""The API is killed before it answers, and in the middle of a stream: the client comes back, all is there."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import requests

from tests.support.faults import BACK_S, COUNT, PIPELINE, SOURCE, Harmed
from tests.support.waiting import wait_until

BODY = {"source": SOURCE, "pipeline": PIPELINE}


def post(api: str, key: str) -> str | None:
    """Return the batch that a submission made, None if there was no answer."""
    with suppress(requests.RequestException):
        answer = requests.post(f"{api}/batches", json=BODY, headers={"Idempotency-Key": key}, timeout=10)
        if answer.status_code in (200, 202):
            return str(answer.json()["id"])
    return None


def test_a_submission_without_an_answer_can_be_sent_again(harmed: Harmed) -> None:
    """Wherever the API died, before or after it entered the batch: one key, one batch."""
    before = {batch["id"] for batch in harmed.stack.client.batches()}
    first: list[str | None] = []
    sender = threading.Thread(target=lambda: first.append(post(harmed.stack.api, "died")))
    sender.start()
    harmed.kill("api")
    sender.join()
    answers = set(filter(None, first))

    def again() -> bool:
        found = post(harmed.stack.api, "died")
        answers.update(filter(None, [found]))
        return found is not None

    wait_until(again, BACK_S, "the same request is answered")
    assert len(answers) == 1
    assert harmed.ended(answers.pop())["counts"]["succeeded"] == COUNT
    after = {batch["id"] for batch in harmed.stack.client.batches()}
    assert len(after - before) == 1


def test_the_same_submission_fifty_times_at_once_is_one_batch(harmed: Harmed) -> None:
    with ThreadPoolExecutor(25) as senders:
        answers = list(senders.map(lambda _: post(harmed.stack.api, "fifty"), range(50)))
    assert len(set(answers)) == 1
    assert answers[0] is not None
    assert harmed.ended(answers[0])["counts"]["succeeded"] == COUNT


def test_a_stream_goes_on_behind_its_last_event(harmed: Harmed) -> None:
    batch_id = harmed.submit()
    harmed.in_the_middle(batch_id)
    heard: list[tuple[str, str, Any]] = []

    def listen() -> None:
        last = {"Last-Event-ID": heard[-1][0]} if heard else {}
        url = f"{harmed.stack.api}/batches/{batch_id}/events"
        with requests.get(url, headers=last, stream=True, timeout=30) as stream:
            event: dict[str, str] = {}
            for line in stream.iter_lines(decode_unicode=True):
                name, _, value = line.partition(": ")
                event[name] = value
                if not line and "data" in event:
                    heard.append((event["id"], event["event"], json.loads(event["data"])))
                    event = {}

    listener = threading.Thread(target=lambda: _until_it_breaks(listen), daemon=True)
    listener.start()
    wait_until(lambda: heard, 10, "something was heard")
    harmed.kill("api")
    listener.join(30)
    assert heard[-1][1] != "end"

    def to_the_end() -> bool:
        _until_it_breaks(listen)
        return heard[-1][1] == "end"

    wait_until(to_the_end, BACK_S, "the stream goes on to its end")
    states = [data["state"] for _, kind, data in heard if kind == "state"]
    assert states == ["queued", "running", "finalizing", "succeeded"], "none is missing, none comes twice"
    ids = [tuple(map(int, event_id.split("-"))) for event_id, _, _ in heard]
    assert ids == sorted(set(ids))


def _until_it_breaks(listen: Any) -> None:
    with suppress(requests.RequestException):
        listen()
