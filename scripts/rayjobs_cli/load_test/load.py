"""The load: the first version's heavy batch or a preset, sent many times at once; each file is looked at."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.client import Client, Document, outputs_of

_READERS = 4
"""Outputs fetched at a time."""


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
    """Send `tasks` batches, all at the same time; return them as they were accepted."""
    with ThreadPoolExecutor(tasks) as pool:
        return list(pool.map(lambda _: client.submit(body), range(tasks)))


def unusable_outputs(
    client: Client, items: Iterable[tuple[str, Document]], keep: Callable[[Document, Document, bytes], None]
) -> dict[tuple[str, int], str]:
    """Fetch every file of every item and compare it with what its record says.

    Args:
        client: Of the system that made them.
        items: Each with its batch's id.
        keep: Is given each usable file: its item, what that tells of it, and its bytes.

    Returns:
        What is wrong, by batch and index; empty when every output is there and whole.
    """

    def look(entry: tuple[str, Document]) -> tuple[tuple[str, int], str]:
        batch_id, item = entry
        outputs = outputs_of(item)
        faults = [] if outputs else [f"is {item['state']}, without an output"]
        for variant, told in outputs.items():
            fault, data = _fetched(client, batch_id, item["index"], variant, told)
            if fault:
                faults.append(f"variant {variant!r}: {fault}" if variant else fault)
            else:
                keep(item, told, data)
        return (batch_id, item["index"]), "; ".join(faults)

    with ThreadPoolExecutor(_READERS) as pool:
        return {where: fault for where, fault in pool.map(look, items) if fault}


def _fetched(client: Client, batch_id: str, index: int, variant: str, told: Document) -> tuple[str, bytes]:
    """Return what is wrong with a file, or nothing, and its bytes."""
    try:
        data = client.output(batch_id, index, variant)
    except CommandError as error:
        return f"{error.code}: {error.detail}", b""
    if hashlib.sha256(data).hexdigest() != told["sha256"]:
        return "the output's bytes are not those that were recorded", b""
    return "", data
