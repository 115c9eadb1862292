"""Keeps an engine process for a slot: hands it work, watches the clock, finds who is to blame, replaces it.

An engine that dies takes the item that it was rendering with it. Outcomes that it told before stand;
items that it had rendered but not yet written are done again by the next one, and so are those behind.
"""

import logging
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from rayjobs.engine.assignment import Assignment, Engine
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.process.channel import Ended, EngineProcess
from rayjobs.engine.process.fork_server import ForkServer
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.errors import (
    DeadlineError,
    EngineUnavailableError,
    ItemError,
    StoreUnavailableError,
    WorkerCrashedError,
    WorkerOutOfMemoryError,
)
from rayjobs.model.item import Fault, Outcome
from rayjobs.sandbox import limits
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_STRIKES = 3
"""Engines that may end in a row with nothing done and no item to blame, before the chunk is given up."""
_LOOK_S = 1.0
"""Between two looks at an engine that says nothing."""
_LEAVE_S = 5.0
"""Longest wait for the item in hand once the slot itself is told to leave."""
_OUT_OF_MEMORY = ("failed to allocate", "bad_alloc", "out of memory", "cannot allocate memory", "memoryerror")
"""Last words of GLib, C++ and others that end their process when there is no memory."""


class EngineSupervisor(Engine):
    """Carries assignments out in a process of its own."""

    def __init__(
        self,
        settings: Settings,
        hand: SlotStatusWriter,
        start: Callable[[], ForkServer],
        sweep: Callable[[], None],
    ) -> None:
        """Take what starts a nursery that writes to `hand`, and what removes files left half-done."""
        self._settings = settings
        machine = limits.machine_bytes()
        self._memory_bytes = min(settings.engine_memory_bytes, machine // 2)
        self._large_memory_bytes = min(settings.engine_large_memory_bytes, machine)
        self._sweep = sweep
        self._draining = DrainMark(settings.slot_status_folder).holds
        self._hand = hand
        self._start = start
        self._nursery: ForkServer | None = None
        self._engine: EngineProcess | None = None
        self._ended: dict[int, Outcome] = {}
        """Of the present assignment."""
        self._wanted: set[int] = set()
        """Items that the present engine process was given."""

    @override
    def warm(self) -> None:
        self._running(self._memory_bytes)

    def processor_s(self) -> float:
        """Return the seconds of processor time that the present engine process has used."""
        return 0.0 if self._engine is None else self._engine.processor_s()

    def close(self) -> None:
        """End the engine process, and what it is forked from."""
        self._drop()
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    @override
    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        if self._engine is not None and self._is_spent(self._engine):
            self._drop()
        self._ended = {}
        ended = self._ended
        self._carry_out(assignment, self._memory_bytes, ended)
        if assignment.attempt < assignment.document["max_attempts"] and not self._draining():
            for outcome in list(ended.values()):
                if outcome.error is not None and outcome.error.code == WorkerOutOfMemoryError.code:
                    ended[outcome.index] = self._in_large_lane(assignment, outcome)
        return [ended[item.index] for item in assignment.items if item.index in ended]

    @override
    def leave(self) -> list[Outcome]:
        if self._engine is not None:
            with suppress(Ended, StoreUnavailableError):
                self._engine.finish(_LEAVE_S)
            self._ended |= _told(self._engine, self._wanted)
            self._drop()
        return [self._ended[index] for index in sorted(self._ended)]

    def _carry_out(self, assignment: Assignment, memory_bytes: int, ended: dict[int, Outcome]) -> None:
        left, strikes = assignment, 0
        try:
            while left.items:
                before = len(ended)
                try:
                    self._attend(self._running(memory_bytes), left, ended)
                except Ended as end:
                    self._blame(end, left, ended)
                left = left.without(ended)
                if self._draining():
                    self._drop()
                    break
                strikes = _counted(strikes, idle=len(ended) == before)
        except (StoreUnavailableError, SystemExit):
            raise
        except BaseException:  # cancelled, or a bug: nobody wants the rest of it
            self._drop()
            raise

    def _attend(self, engine: EngineProcess, left: Assignment, ended: dict[int, Outcome]) -> None:
        """Have one engine carry out what is left, as far as it gets; raises as `EngineProcess.wait`."""
        self._wanted = wanted = {item.index for item in left.items}
        try:
            engine.assign(left.as_bytes())
            while not engine.wait(self._patience_s()):
                ended |= _told(engine, wanted)
                self._watch(engine)
        finally:
            ended |= _told(engine, wanted)

    def _patience_s(self) -> float:
        """Return how long there is nothing to look at, unless the engine says something."""
        word = self._hand.word()
        if not word.rendering:
            return _LOOK_S
        rest_s = word.since_s + self._settings.item_deadline_s - time.monotonic()
        return min(max(rest_s, 0.0), _LOOK_S)

    def _watch(self, engine: EngineProcess) -> None:
        """End an engine that was stopped, or that takes too long; raises `_Lost`.

        One whose worker drains is told to leave behind the item that it has in hand.
        """
        word = self._hand.word()
        if self._draining():
            engine.leave()
        if engine.is_stopped():
            raise _Lost(engine.kill(), WorkerCrashedError("the process that rendered it was stopped"))
        limit_s = self._settings.item_deadline_s
        took_s = time.monotonic() - word.since_s
        # A word that is being written may mix two items: it must say the same twice.
        if word.rendering and took_s >= limit_s and self._hand.word() == word:
            detail = f"it took longer than {limit_s:g} s (RAYJOBS_ITEM_DEADLINE_S)"
            raise _Lost(engine.kill(), DeadlineError(detail, limit=limit_s, actual=round(took_s, 1)))

    def _blame(self, end: Ended, left: Assignment, ended: dict[int, Outcome]) -> None:
        """Give the item that was being rendered its outcome, and let go of the process."""
        word = self._hand.word()
        self._drop()
        extra = {"batch": left.batch_id, "item": word.index}
        log.warning("engine process ended by %s: %s", end.cause, end.last_words, extra=extra)
        mine = {item.index for item in left.items} - ended.keys()
        if word.rendering and word.batch_id == left.batch_id and word.index in mine:
            ended[word.index] = Outcome(
                index=word.index,
                state="failed",
                attempts=left.attempt,
                worker=self._settings.worker_id,
                duration_ms=round((time.monotonic() - word.since_s) * 1000, 2),
                error=_fault_of(end, word.variant),
            )

    def _in_large_lane(self, assignment: Assignment, before: Outcome) -> Outcome:
        """Try an item once more with the memory that only one slot of the worker may have at a time."""
        most = self._large_memory_bytes
        with _alone(self._settings.slot_status_folder / "large_memory.lock"):
            ended: dict[int, Outcome] = {}
            self._carry_out(assignment.again(before.index), most, ended)
            self._drop()
        outcome = ended.get(before.index, before)
        if outcome is before or outcome.error is None or outcome.error.code != WorkerOutOfMemoryError.code:
            return outcome
        enough = f"{most >> 20} MiB were not enough either (RAYJOBS_ENGINE_LARGE_MEMORY_BYTES)"
        detail = f"{outcome.error.detail}; {enough}"
        return replace(outcome, error=replace(outcome.error, detail=detail, limit=most, retryable=False))

    def _running(self, memory_bytes: int) -> EngineProcess:
        if self._engine is not None and self._engine.memory_bytes != memory_bytes:
            self._drop()
        if self._nursery is None or not self._nursery.is_alive:
            self._drop()
            self._nursery = self._start()
        if self._engine is None:
            self._engine = EngineProcess(self._nursery, memory_bytes)
        return self._engine

    def _drop(self) -> None:
        """Let go of the engine, however far it is; what it was writing is removed."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        engine.kill()
        engine.close()
        self._hand.rest()
        self._sweep()

    def _is_spent(self, engine: EngineProcess) -> bool:
        most = self._settings.engine_most_rss_bytes
        return engine.items >= self._settings.engine_most_items or engine.rss_bytes() > most


class _Lost(Ended):
    """An engine that had to be killed, and why."""

    def __init__(self, end: Ended, error: ItemError) -> None:
        super().__init__(end.exit_code, end.last_words)
        self.error = error


def _counted(strikes: int, *, idle: bool) -> int:
    if idle and strikes + 1 == _STRIKES:
        raise EngineUnavailableError(f"{_STRIKES} engine processes in a row ended with nothing done")
    return strikes + 1 if idle else 0


def _told(engine: EngineProcess, wanted: Container[int]) -> dict[int, Outcome]:
    return {outcome.index: outcome for outcome in engine.outcomes() if outcome.index in wanted}


def _fault_of(end: Ended, variant: str) -> Fault:
    fault = Fault.of(_error_of(end))
    return replace(fault, detail=f"variant {variant!r}: {fault.detail}") if variant else fault


def _error_of(end: Ended) -> ItemError:
    if isinstance(end, _Lost):
        return end.error
    if any(words in end.last_words.lower() for words in _OUT_OF_MEMORY):
        return WorkerOutOfMemoryError("there was not enough memory for this picture")
    if end.cause == "SIGXCPU":
        return DeadlineError("it took more processor time than its deadline (RAYJOBS_ITEM_DEADLINE_S)")
    return WorkerCrashedError(f"the process that rendered it ended by {end.cause}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine is within the same block."""
    import fcntl

    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
