"""Previews, presets, variants and the cache on a cluster; the API's pod makes the previews."""

import hashlib
import uuid
from typing import Any

import requests

from rayjobs_cli.targets.client import Document
from rayjobs_cli.targets.cluster import state
from tests.support.on_cluster import System

ANSWER_S = 60.0


def test_a_preview_is_the_bytes_that_the_workers_write_and_the_next_batch_takes_them_from_the_cache(
    system: System,
) -> None:
    # The text is new in each run: no earlier run can have written these files into the cache.
    new, small = {"name": "text", "text": uuid.uuid4().hex}, {"name": "thumbnail", "size": 256}
    variants = [
        {"name": "small", "pipeline": [small, new]},
        {"name": "gray", "pipeline": [{"name": "grayscale"}, new], "output": {"format": "webp"}},
    ]
    ask(system, "PUT", "/presets/e2e", {"variants": variants})
    body = {"source": {"type": "samples", "count": 4}, "preset": "e2e", "cache": True}
    previews = {
        name: ask(system, "POST", f"/preview?variant={name}", body).content for name in ("small", "gray")
    }
    first, second = run(system, body), run(system, body)
    assert (first["counts"]["succeeded"], second["counts"]["cached"]) == (4, 4)
    rendered, cached = (system.client.items(each["id"]) for each in (first, second))
    assert digests(rendered) == digests(cached)
    assert digests(rendered)[0] == {name: hashlib.sha256(data).hexdigest() for name, data in previews.items()}
    for name, data in previews.items():
        path = f"/batches/{second['id']}/items/0/output?variant={name}"
        assert ask(system, "GET", path).content == data


def test_an_estimate_measures_a_sample_in_the_pod_of_the_api(system: System) -> None:
    before = len(system.client.batches())
    body = {"source": {"type": "samples", "count": 20}, "preset": "thumb"}
    estimate = ask(system, "POST", "/batches?dry_run=true&sample=4", body).json()["estimate"]
    assert (estimate["items"], estimate["measured"]) == (20, 4)
    assert estimate["wall_s"]["low"] <= estimate["wall_s"]["value"] <= estimate["wall_s"]["high"]
    assert len(system.client.batches()) == before


def run(system: System, body: Document) -> Document:
    return system.await_end(system.client.submit(body)["id"])


def digests(items: list[Document]) -> list[dict[str, str]]:
    return [{name: file["sha256"] for name, file in item["outputs"].items()} for item in items]


def ask(system: System, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
    deployed = state.read(system.folder)
    assert deployed is not None
    answer = requests.request(
        method,
        deployed.api_url + path,
        json=body,
        headers={"Authorization": f"Bearer {deployed.api_key}"},
        timeout=ANSWER_S,
    )
    assert answer.ok, answer.text
    return answer
