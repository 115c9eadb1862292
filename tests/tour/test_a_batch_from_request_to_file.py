"""Read this first: one batch, through every part, in the order of the code."""

import io

from PIL import Image

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.lifecycle.reaper import close
from rayjobs.model.batch import State
from rayjobs.model.lease import Pace
from rayjobs.settings import Settings
from tests.support.system import System

BODY = {
    "source": {"type": "samples", "count": 3},
    "pipeline": [{"name": "resize", "width": 40, "height": 30}, {"name": "grayscale"}],
    "output": {"format": "png"},
}


def test_a_batch_from_request_to_file(farm_settings: Settings) -> None:
    registry = MemoryRegistry(farm_settings)
    whole = System(farm_settings, registry)
    intake, slot, history = whole.intake, whole.slot(), whole.history

    # A request becomes a batch: three items wait, as one range.
    batch, created = intake.submit(BODY)
    assert created
    assert (batch.state, batch.counts.pending) == (State.QUEUED, 3)

    # A dispatcher that leads claims chunks; while the batch's speed is unknown, one item each.
    leader = registry.lead("me", 60)
    assert leader is not None
    leases = registry.claim(leader, slots=2, pace=Pace(), most=2)
    assert [lease.range.first for lease in leases] == [0, 1]
    assert registry.get(batch.id).counts.running == 2

    # A slot runs a chunk: reads, renders, writes, commits to the record. Its tally settles the lease.
    for lease in leases:
        assert not registry.settle(lease, slot.run(lease)).closable
    [last] = registry.claim(leader, slots=2, pace=Pace(), most=2)
    assert registry.settle(last, slot.run(last)).closable

    # Nothing waits and nothing runs: the batch is closed, in the record and in the registry.
    close(batch.id, registry, whole.record)
    assert registry.get(batch.id).state is State.SUCCEEDED

    # The record tells what became of each item, and the pictures are there.
    items = history.items(batch.id, state=None, code=None, cursor=None, limit=10)["items"]
    assert [item["state"] for item in items] == ["succeeded"] * 3
    with history.output(batch.id, 0).file as file:
        picture = Image.open(io.BytesIO(file.read()))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (40, 30), "L")
