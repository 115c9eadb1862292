"""What is asked of pictures, on a cluster: previews by the API's pod, presets, variants, the cache."""

import hashlib
import uuid
from typing import Any

import requests

from rayjobs_cli.targets.client import Document
from rayjobs_cli.targets.cluster import state
from tests.support.on_cluster import System

SHOWN_S = 60.0


def test_a_preview_shows_the_bytes_that_the_workers_write_and_the_second_batch_finds_them(
    system: System,
) -> None:
    # The letters are new each time: no earlier run can have left these files in the cache.
    new, small = {"name": "text", "text": uuid.uuid4().hex}, {"name": "thumbnail", "size": 256}
    variants = [
        {"name": "small", "pipeline": [small, new]},
        {"name": "gray", "pipeline": [{"name": "grayscale"}, new], "output": {"format": "webp"}},
    ]
    ask(system, "PUT", "/presets/e2e", {"variants": variants})
    body = {"source": {"type": "samples", "count": 4}, "preset": "e2e", "cache": True}
    shown = {
        name: ask(system, "POST", f"/preview?variant={name}", body).content for name in ("small", "gray")
    }
    first, second = ran(system, body), ran(system, body)
    assert (first["counts"]["succeeded"], second["counts"]["cached"]) == (4, 4)
    made, found = (system.client.items(each["id"]) for each in (first, second))
    assert digests(made) == digests(found)
    assert digests(made)[0] == {name: hashlib.sha256(data).hexdigest() for name, data in shown.items()}
    for name, data in shown.items():
        path = f"/batches/{second['id']}/items/0/output?variant={name}"
        assert ask(system, "GET", path).content == data


def test_an_estimate_runs_a_sample_in_the_api_s_pod(system: System) -> None:
    before = len(system.client.batches())
    body = {"source": {"type": "samples", "count": 20}, "preset": "thumb"}
    told = ask(system, "POST", "/batches?dry_run=true&sample=4", body).json()["estimate"]
    assert (told["items"], told["measured"]) == (20, 4)
    assert told["wall_s"]["low"] <= told["wall_s"]["value"] <= told["wall_s"]["high"]
    assert len(system.client.batches()) == before


def ran(system: System, body: Document) -> Document:
    return system.await_end(system.client.submit(body)["id"])


def digests(items: list[Document]) -> list[dict[str, str]]:
    return [{name: file["sha256"] for name, file in item["outputs"].items()} for item in items]


def ask(system: System, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
    told = state.read(system.folder)
    assert told is not None
    answer = requests.request(
        method,
        told.api_url + path,
        json=body,
        headers={"Authorization": f"Bearer {told.api_key}"},
        timeout=SHOWN_S,
    )
    assert answer.ok, answer.text
    return answer
