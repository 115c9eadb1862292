"""Sends the load, one batch many times at once, and checks every output of it."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.client import Client, Document, outputs_of

_READERS = 4
"""Outputs that are fetched at the same time."""


def heavy(count: int) -> Document:
    """Return the heavy batch of the first version, over `count` sample pictures."""
    return {
        "filters": ["resize", "blur", "sharpen", "edges"],
        "filter_params": {
            "resize": {"width": 2048, "height": 2048},
            "blur": {"radius": 5.0},
            "sharpen": {"factor": 2.0},
        },
        "count": count,
    }


def named(preset: str, count: int) -> Document:
    """Return a batch of `count` sample pictures under a preset."""
    return {"source": {"type": "samples", "count": count}, "preset": preset}


def send(client: Client, tasks: int, body: Document) -> list[Document]:
    """Send `tasks` batches at the same time; return them as the API accepted them."""
    with ThreadPoolExecutor(tasks) as pool:
        return list(pool.map(lambda _: client.submit(body), range(tasks)))


def unusable_outputs(
    client: Client, items: Iterable[tuple[str, Document]], keep: Callable[[Document, Document, bytes], None]
) -> dict[tuple[str, int], str]:
    """Fetch every output of every item and compare it with its record.

    Args:
        client: Of the system that made the outputs.
        items: Each with the id of its batch.
        keep: Called with each good output: its item, its record, and its bytes.

    Returns:
        Batch id and index of an item -> the fault; empty when every output is there and whole.
    """

    def check(entry: tuple[str, Document]) -> tuple[tuple[str, int], str]:
        batch_id, item = entry
        outputs = outputs_of(item)
        faults = [] if outputs else [f"is {item['state']}, without an output"]
        for variant, recorded in outputs.items():
            fault, data = _fetched(client, batch_id, item["index"], variant, recorded)
            if fault:
                faults.append(f"variant {variant!r}: {fault}" if variant else fault)
            else:
                keep(item, recorded, data)
        return (batch_id, item["index"]), "; ".join(faults)

    with ThreadPoolExecutor(_READERS) as pool:
        return {where: fault for where, fault in pool.map(check, items) if fault}


def _fetched(
    client: Client, batch_id: str, index: int, variant: str, recorded: Document
) -> tuple[str, bytes]:
    """Return the fault of an output, "" if it is good, and its bytes."""
    try:
        data = client.output(batch_id, index, variant)
    except CommandError as error:
        return f"{error.code}: {error.detail}", b""
    if hashlib.sha256(data).hexdigest() != recorded["sha256"]:
        return "the output's bytes are not those that were recorded", b""
    return "", data
