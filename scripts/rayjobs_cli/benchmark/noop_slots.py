"""Runs a dispatcher whose slots do nothing to pictures: only claims, commit files and settlements are left.

Run as `python -m rayjobs_cli.benchmark.noop_slots` in the environment of the settings, until SIGTERM.
"""

import signal
import threading
from collections.abc import Mapping
from functools import partial

from rayjobs import log
from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.inline_executor import InlineExecutor
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.dispatcher.loop import Dispatcher
from rayjobs.model.item import Outcome
from rayjobs.model.lease import Lease, Tally
from rayjobs.record.layout import Record
from rayjobs.settings import Settings

ITEM_MS = 20.0
"""The reported duration of an item: it makes chunks as large as those of real pictures."""
_PICTURE = {"width": 512, "height": 384, "format": "jpeg", "bytes": 40_000, "sha256": "0" * 64}


def outcome(index: int, attempt: int) -> Outcome:
    """Return an outcome of the usual size."""
    name = f"{index:06d}.jpg"
    return Outcome(
        index=index,
        state="succeeded",
        attempts=attempt,
        worker="local",
        duration_ms=ITEM_MS,
        input=_PICTURE,
        output={"uri": f"file:///outputs/{name}", "name": name, **_PICTURE},
    )


def run_chunk(record: Record, raw: Mapping[str, int | str]) -> Tally:
    """Read the items of a chunk, do nothing, and commit outcomes of the usual size."""
    lease = Lease.of(raw)
    items = record.items(lease.batch_id, lease.range)
    outcomes = [outcome(item.index, lease.range.attempt) for item in items]
    tally = Tally({"succeeded": len(outcomes)}, busy_ms=ITEM_MS * len(outcomes))
    return record.commit(lease, outcomes, tally)


def main() -> None:
    """Dispatch until SIGTERM arrives."""
    log.set_up()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = Settings.read()
    record = Record(FileStore(settings.store))
    executor = InlineExecutor(partial(run_chunk, Record(FileStore(settings.store))), slots=2)
    Dispatcher(RedisRegistry.connect(settings), record, executor, settings, "noop").run(stop)


if __name__ == "__main__":
    main()
