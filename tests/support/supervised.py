"""One batch of many slow pictures on a stack whose parts its supervisor starts again."""

from pathlib import Path
from typing import Any

from tests.support.batches import finished, outputs, submit
from tests.support.stack import Stack

COUNT = 24
PIPELINE: list[dict[str, Any]] = [
    {"name": "resize", "width": 1200, "height": 900},
    {"name": "blur", "radius": 4},
]


def send(own: Stack, folder: Path) -> str:
    return submit(own, {"type": "folder", "path": str(folder)}, PIPELINE)


def same(own: Stack, batch_id: str, undisturbed: dict[str, bytes]) -> None:
    """Fail unless the batch ends with what an undisturbed run wrote, each item once, no lease left."""
    batch = finished(own, batch_id)
    counts = batch["counts"]
    assert (batch["state"], counts["succeeded"], counts["total"]) == ("succeeded", COUNT, COUNT)
    assert outputs(own, batch_id) == undisturbed
    assert [item["index"] for item in own.client.items(batch_id)] == list(range(COUNT))
    assert own.client.queue()["leases"] == 0
