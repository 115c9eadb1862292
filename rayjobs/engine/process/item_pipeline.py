"""How an engine process carries an assignment out: one thread reads ahead, one renders, one writes behind.

So the processor waits neither for a slow source nor for the disk's `fsync`. The items that wait between two
threads are bounded in bytes. An outcome is reported when its output is in the store, not before.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from rayjobs.engine.assignment import Assignment
from rayjobs.engine.attempt import Attempt, RenderContext
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.model.item import Outcome
from rayjobs.sandbox import limits

_AHEAD_BYTES = 16 * 2**20
"""Bytes of the sources that wait to be rendered: three photographs of a phone."""
_BEHIND_BYTES = 32 * 2**20
"""Bytes of the outputs that wait to be written."""
_PROCESSORS = 3
"""Most processors that the threads keep busy at once."""


class BoundedQueue:
    """Attempts between two threads, bounded in bytes; an empty queue takes an attempt of any size."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[Attempt | None] = deque()
        self._bytes = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition(threading.Lock())

    def put(self, attempt: Attempt) -> None:
        """Add an attempt as soon as there is room; raises the error of `fail`."""
        size = attempt.held_bytes
        with self._changed:
            while self._bytes and self._bytes + size > self._most_bytes and self._error is None:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            self._bytes += size
            self._waiting.append(attempt)
            self._changed.notify()

    def get(self) -> Attempt | None:
        """Wait for the next attempt and return it, None behind the last one; raises the error of `fail`."""
        with self._changed:
            while not self._waiting and self._error is None:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            attempt = self._waiting.popleft()
            if attempt is not None:
                self._bytes -= attempt.held_bytes
                self._changed.notify()
            return attempt

    def end(self) -> None:
        """Mark the end: no more attempts will be added."""
        with self._changed:
            self._waiting.append(None)
            self._changed.notify()

    def check(self) -> None:
        """Raise the error of `fail`, if it was called."""
        if self._error is not None:
            raise self._error

    def fail(self, error: BaseException) -> None:
        """Make both ends raise `error` from now on; only the first error counts."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()


class ItemPipeline:
    """Renders in the calling thread, between a thread that reads and a thread that writes."""

    def __init__(
        self,
        context: RenderContext,
        status_writer: SlotStatusWriter,
        report: Callable[[Outcome], None],
        item_s: float,
    ) -> None:
        """Keep the parts; no thread starts before `carry_out`.

        Args:
            context: What every attempt needs.
            status_writer: Gets the item in hand.
            report: Gets each outcome when its output is in the store; the writer's thread calls it.
            item_s: Longest time that an item may take.
        """
        self._context = context
        self._status_writer = status_writer
        self._report = report
        self._item_s = item_s

    def carry_out(self, assignment: Assignment, leave: threading.Event) -> None:
        """Carry out the items in their order, until all have ended or `leave` is set.

        Raises:
            StoreUnavailableError: The store is away; the outcomes reported so far remain valid.
        """
        attempts = self._context.attempts(assignment)
        read, rendered = BoundedQueue(_AHEAD_BYTES), BoundedQueue(_BEHIND_BYTES)
        works = partial(self._read, attempts, read), partial(self._write, rendered)
        threads = [threading.Thread(target=_guarded, args=(work, read, rendered)) for work in works]
        for thread in threads:
            thread.start()
        _guarded(partial(self._render, attempts, read, rendered, leave), read, rendered)
        for thread in threads:
            thread.join()
        self._status_writer.rest()
        rendered.check()

    def _read(self, attempts: Sequence[Attempt], read: BoundedQueue) -> None:
        for attempt in attempts:
            attempt.read()
            read.put(attempt)

    def _render(
        self, attempts: Sequence[Attempt], read: BoundedQueue, rendered: BoundedQueue, leave: threading.Event
    ) -> None:
        for attempt in attempts:
            if leave.is_set():
                read.fail(_NoLongerWantedError())
                break
            self._status_writer.take(attempt.batch_id, attempt.index)
            limits.processor(self._item_s * _PROCESSORS)
            read.get()
            attempt.render(self._status_writer.at)
            self._status_writer.rendered()
            rendered.put(attempt)
        rendered.end()

    def _write(self, rendered: BoundedQueue) -> None:
        while (attempt := rendered.get()) is not None:
            attempt.write()
            self._status_writer.done()
            self._report(attempt.outcome())


class _NoLongerWantedError(Exception):
    """Ends the reader: the renderer leaves, so nobody waits for more sources."""


def _guarded(work: Callable[[], None], *queues: BoundedQueue) -> None:
    """Do a thread's work; if it fails, make the other threads fail at their next step."""
    try:
        work()
    except _NoLongerWantedError:
        return
    except BaseException as error:  # noqa: BLE001 - raised again by `carry_out`
        for queue in queues:
            queue.fail(error)
