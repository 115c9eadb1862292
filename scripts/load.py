"""The load: the seed's heavy payload, sent many times at once, and a look at every output it left."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scripts.client import Client, Document
from scripts.outcome import CommandError

_READERS = 4
"""Outputs fetched at a time."""


def heavy(count: int) -> Document:
    """Return the seed's heavy task over `count` sample pictures."""
    return {
        "filters": ["resize", "blur", "sharpen", "edges"],
        "filter_params": {
            "resize": {"width": 2048, "height": 2048},
            "blur": {"radius": 5.0},
            "sharpen": {"factor": 2.0},
        },
        "count": count,
    }


def send(client: Client, tasks: int, count: int) -> list[Document]:
    """Send `tasks` heavy batches, all at the same time; return them as they were accepted."""
    with ThreadPoolExecutor(tasks) as pool:
        return list(pool.map(lambda _: client.submit(heavy(count)), range(tasks)))


def unusable_outputs(
    client: Client, items: Iterable[tuple[str, Document]], keep: Callable[[Document, bytes], None]
) -> dict[tuple[str, int], str]:
    """Fetch the output of every item and compare it with what its record says.

    Args:
        client: Of the system that made them.
        items: Each with its batch's id.
        keep: Is given each usable item with its output.

    Returns:
        What is wrong, by batch and index; empty when every output is there and whole.
    """

    def look(entry: tuple[str, Document]) -> tuple[tuple[str, int], str | None]:
        batch_id, item = entry
        fault, data = _fetch(client, batch_id, item)
        if fault is None:
            keep(item, data)
        return (batch_id, item["index"]), fault

    with ThreadPoolExecutor(_READERS) as pool:
        return {where: fault for where, fault in pool.map(look, items) if fault is not None}


def _fetch(client: Client, batch_id: str, item: dict[str, Any]) -> tuple[str | None, bytes]:
    output = item.get("output")
    if not output:
        return f"is {item['state']}, without an output", b""
    try:
        data = client.output(batch_id, item["index"])
    except CommandError as error:
        return f"{error.code}: {error.detail}", b""
    if hashlib.sha256(data).hexdigest() != output["sha256"]:
        return "the output's bytes are not those that were recorded", b""
    return None, data
