"""A whole farm in one process: real registry, real store, real dispatcher; slots are threads."""

import contextlib
import itertools
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.inline_executor import InlineExecutor
from rayjobs.dispatcher.loop import Dispatcher
from rayjobs.engine.attempt import Inline, RenderContext
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.model.batch import TERMINAL, Batch
from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Executor, Registry
from rayjobs.record.layout import Record
from rayjobs.service.queries import Queries
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings
from rayjobs.worker.chunk_runner import ChunkRunner
from tests.support.waiting import wait_until

THUMB: list[dict[str, Any]] = [{"name": "thumbnail", "size": 32}]


@dataclass
class System:
    settings: Settings
    registry: Registry
    executor: Executor | None = None
    """Threads of this process, unless a test brings its own."""
    stop: threading.Event = field(default_factory=threading.Event)
    ended: list[BaseException | None] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = Record(FileStore(self.settings.store))
        self.intake = Submissions(self.registry, self.record, self.settings)
        self.history = Queries(self.registry, self.record)
        self._of_thread = threading.local()
        self._numbers = itertools.count(1)

    def slot(self, number: int = 0) -> ChunkRunner:
        hand = SlotStatusWriter(self.settings.slot_status_folder, os.getpid() + number)
        return ChunkRunner(self.record, Inline(RenderContext(self.settings, self.record.store), hand))

    def run_chunk(self, lease: Mapping[str, int | str]) -> Tally:
        if not hasattr(self._of_thread, "slot"):
            self._of_thread.slot = self.slot(next(self._numbers))
        tally: Tally = self._of_thread.slot.run(Lease.of(lease))
        return tally

    def dispatch(
        self, run_chunk: Callable[[Mapping[str, int | str]], Tally] | None = None
    ) -> threading.Event:
        """Start a dispatcher in a thread; setting the event that is returned makes it leave."""
        executor = self.executor or InlineExecutor(run_chunk or self.run_chunk)
        holder, stop = f"test-{uuid.uuid4().hex[:6]}", threading.Event()
        dispatcher = Dispatcher(self.registry, self.record, executor, self.settings, holder)

        def run() -> None:
            try:
                dispatcher.run(stop)
            except BaseException as error:  # noqa: BLE001 - a test looks at what ended it
                self.ended.append(error)

        thread = threading.Thread(target=run, name=holder, daemon=True)
        thread.start()
        self.threads.append(thread)
        self.stops = [*getattr(self, "stops", []), stop]
        return stop

    def submit(
        self, source: dict[str, Any], pipeline: list[dict[str, Any]] | None = None, **more: object
    ) -> str:
        body = {"source": source, "pipeline": THUMB if pipeline is None else pipeline, **more}
        return self.intake.submit(body)[0].id

    def finished(self, batch_id: str, timeout_s: float = 30) -> Batch:
        wait_until(
            lambda: self.registry.get(batch_id).state in TERMINAL, timeout_s, f"{batch_id} reaches its end"
        )
        return self.registry.get(batch_id)

    def outputs(self, batch_id: str) -> dict[str, bytes]:
        folder = Path(self.settings.store) / "outputs" / batch_id
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def items(
        self, batch_id: str, *, state: str | None = None, code: str | None = None, cursor: str | None = None
    ) -> list[dict[str, Any]]:
        page = self.history.items(batch_id, state=state, code=code, cursor=cursor, limit=1000)
        return list(page["items"])

    def close(self) -> None:
        for stop in getattr(self, "stops", []):
            stop.set()
        for thread in self.threads:
            thread.join(10)


@contextlib.contextmanager
def farm(settings: Settings, registry: Registry) -> Iterator[System]:
    whole = System(settings, registry)
    try:
        yield whole
    finally:
        whole.close()
