"""How an engine process carries an assignment out: one thread reads ahead, one writes behind.

So that neither a slow source nor the disk's `fsync` keeps the processor waiting. What waits between
the threads is bounded in bytes; an outcome is told when its output is in the store, not before.
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
"""Sources that wait to be rendered: three photographs of a phone."""
_BEHIND_BYTES = 32 * 2**20
"""Outputs that wait to be written."""
_PROCESSORS = 3
"""Most processors that the threads keep busy at once."""


class BoundedQueue:
    """Attempts on their way from one thread to another; one passes always, however large it is."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[Attempt | None] = deque()
        self._bytes = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition(threading.Lock())

    def put(self, attempt: Attempt) -> None:
        """Send an attempt on its way, as soon as there is room; raises what the other end was closed with."""
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
        """Return the next attempt, None behind the last one; raises what the other end was closed with."""
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
        """Say that nothing more will come."""
        with self._changed:
            self._waiting.append(None)
            self._changed.notify()

    def check(self) -> None:
        """Raise what the lane was closed with, if it was."""
        if self._error is not None:
            raise self._error

    def fail(self, error: BaseException) -> None:
        """Let both ends raise `error` from here on."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()


class ItemPipeline:
    """Renders in the calling thread, between a reader and a writer."""

    def __init__(
        self, means: RenderContext, hand: SlotStatusWriter, tell: Callable[[Outcome], None], item_s: float
    ) -> None:
        """Take what to tell each outcome to, in the writer's thread, as soon as it is certain.

        `item_s` is the longest time that an item may take.
        """
        self._means = means
        self._hand = hand
        self._tell = tell
        self._item_s = item_s

    def carry_out(self, assignment: Assignment, leave: threading.Event) -> None:
        """Carry out the items in their order, until all have ended or `leave` is set.

        Raises:
            StoreUnavailableError: The store is away; what was told so far stands.
        """
        attempts = self._means.attempts(assignment)
        read, rendered = BoundedQueue(_AHEAD_BYTES), BoundedQueue(_BEHIND_BYTES)
        works = partial(self._read, attempts, read), partial(self._write, rendered)
        threads = [threading.Thread(target=_guarded, args=(work, read, rendered)) for work in works]
        for thread in threads:
            thread.start()
        _guarded(partial(self._render, attempts, read, rendered, leave), read, rendered)
        for thread in threads:
            thread.join()
        self._hand.rest()
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
                read.fail(_Left())
                break
            self._hand.take(attempt.batch_id, attempt.index)
            limits.processor(self._item_s * _PROCESSORS)
            read.get()
            attempt.render(self._hand.at)
            self._hand.rendered()
            rendered.put(attempt)
        rendered.end()

    def _write(self, rendered: BoundedQueue) -> None:
        while (attempt := rendered.get()) is not None:
            attempt.write()
            self._hand.done()
            self._tell(attempt.outcome())


class _Left(Exception):  # noqa: N818 - no error: the renderer has what it wants
    """Nobody waits for what is read."""


def _guarded(work: Callable[[], None], *lanes: BoundedQueue) -> None:
    """Do a thread's work; where it fails, so do the others at their next step."""
    try:
        work()
    except _Left:
        return
    except BaseException as error:  # noqa: BLE001 - raised again by `carry_out`
        for lane in lanes:
            lane.fail(error)
