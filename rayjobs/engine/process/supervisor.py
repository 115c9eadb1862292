"""Keeps an engine process for a slot: gives it work, watches the clock, finds the item to blame, replaces it.

When an engine dies, the item that it was rendering fails. The outcomes that the engine had reported before
remain valid. The next engine repeats the items that were rendered but not written, and goes on with the rest.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from typing_extensions import override

from rayjobs.engine.assignment import Assignment, Engine
from rayjobs.engine.drain import DrainMark
from rayjobs.engine.process.channel import Ended, EngineProcess
from rayjobs.engine.process.fork_server import ForkServer, environment
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
from rayjobs.model.terms import BatchTerms
from rayjobs.ports import Store
from rayjobs.sandbox import limits
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

CAN_FORK = hasattr(os, "fork")
"""Whether this system can run engine processes; Windows can't."""

_STRIKES = 3
"""Engines in a row that may end with no item done and no item to blame; then the chunk is given up."""
_POLL_S = 1.0
"""Time between two checks of an engine that sends nothing."""
_LEAVE_S = 5.0
"""Longest wait for the item in hand when the slot itself has to end."""
_OUT_OF_MEMORY = ("failed to allocate", "bad_alloc", "out of memory", "cannot allocate memory", "memoryerror")
"""What GLib, C++ and others write to stderr before they end their process for want of memory."""


class EngineSupervisor(Engine):
    """Carries assignments out in an engine process, and replaces that process when it ends."""

    def __init__(
        self,
        settings: Settings,
        status_writer: SlotStatusWriter,
        start: Callable[[], ForkServer],
        sweep: Callable[[], None],
    ) -> None:
        """Start nothing yet; see `warm`.

        Args:
            settings: Limits of time and memory, and the folder of the slots' status.
            status_writer: The status that the engine processes of `start` write too.
            start: Starts a fork server.
            sweep: Removes the incomplete files that a killed engine leaves in the store.
        """
        self._settings = settings
        machine = limits.machine_bytes()
        self._memory_bytes = min(settings.engine_memory_bytes, machine // 2)
        self._large_memory_bytes = min(settings.engine_large_memory_bytes, machine)
        self._sweep = sweep
        self._draining = DrainMark(settings.slot_status_folder).holds
        self._status_writer = status_writer
        self._start = start
        self._fork_server: ForkServer | None = None
        self._engine: EngineProcess | None = None
        self._ended: dict[int, Outcome] = {}
        """Outcomes of the present assignment, by the items' indices."""
        self._wanted: set[int] = set()
        """Indices of the items that the present engine process was given."""

    @override
    def warm(self) -> None:
        self._engine_with(self._memory_bytes)

    def processor_s(self) -> float:
        """Return the seconds of processor time that the present engine process has used."""
        return 0.0 if self._engine is None else self._engine.processor_s()

    def close(self) -> None:
        """End the engine process and its fork server."""
        self._drop()
        if self._fork_server is not None:
            self._fork_server.close()
            self._fork_server = None

    @override
    def carry_out(self, assignment: Assignment) -> list[Outcome]:
        if self._engine is not None and self._is_spent(self._engine):
            self._drop()
        self._ended = {}
        ended = self._ended
        self._carry_out(assignment, self._memory_bytes, ended)
        if assignment.attempt < BatchTerms.of(assignment.document).max_attempts and not self._draining():
            for outcome in list(ended.values()):
                if outcome.error is not None and outcome.error.code == WorkerOutOfMemoryError.code:
                    ended[outcome.index] = self._in_large_lane(assignment, outcome)
        return [ended[item.index] for item in assignment.items if item.index in ended]

    @override
    def leave(self) -> list[Outcome]:
        if self._engine is not None:
            with suppress(Ended, StoreUnavailableError):
                self._engine.finish(_LEAVE_S)
            self._ended |= _received(self._engine, self._wanted)
            self._drop()
        return [self._ended[index] for index in sorted(self._ended)]

    def _carry_out(self, assignment: Assignment, memory_bytes: int, ended: dict[int, Outcome]) -> None:
        """Put the outcome of each item into `ended`, with as many engine processes as that takes.

        Each turn gives one engine all items that are left. The turn ends in one of three ways:

        - The engine has done them all: nothing is left, the loop ends.
        - The engine ended while it rendered an item: `_blame` makes that item fail. So each such turn leaves
          at least one item less, and a chunk of bad pictures comes to an end.
        - The engine ended between two items: no item is to blame, and perhaps none was done. Such idle turns
          could repeat for ever, so `_STRIKES` of them in a row raise. A turn that did any item sets the
          count back to 0.

        A worker that drains leaves the items that were not begun without an outcome; its engine is dropped,
        because it was asked to end behind the item in hand and takes no other assignment.

        Raises:
            StoreUnavailableError: The store is away. The engine is well and is kept.
            EngineUnavailableError: No fork server can be started, or `_STRIKES` engines ended idle.
            SystemExit: The slot has to end. The engine is kept: `leave` collects what it has.
        """
        left, strikes = assignment, 0
        try:
            while left.items:
                before = len(ended)
                try:
                    self._attend(self._engine_with(memory_bytes), left, ended)
                except Ended as end:
                    self._blame(end, left, ended)
                left = left.without(ended)
                if self._draining():
                    self._drop()
                    break
                strikes = _counted(strikes, idle=len(ended) == before)
        except (StoreUnavailableError, SystemExit):
            raise
        except BaseException:  # cancelled, or a bug: the engine must not go on with items that nobody awaits
            self._drop()
            raise

    def _attend(self, engine: EngineProcess, left: Assignment, ended: dict[int, Outcome]) -> None:
        """Have one engine carry out the items that are left; raises as `EngineProcess.wait`.

        The outcomes that the engine reported before it ended are in `ended` in any case.
        """
        self._wanted = wanted = {item.index for item in left.items}
        try:
            engine.assign(left.as_bytes())
            while not engine.wait(self._next_check_s()):
                ended |= _received(engine, wanted)
                self._watch(engine)
        finally:
            ended |= _received(engine, wanted)

    def _next_check_s(self) -> float:
        """Return the seconds until the engine must be checked, if it sends nothing before."""
        status = self._status_writer.status()
        if not status.rendering:
            return _POLL_S
        rest_s = status.since_s + self._settings.item_deadline_s - time.monotonic()
        return min(max(rest_s, 0.0), _POLL_S)

    def _watch(self, engine: EngineProcess) -> None:
        """Kill an engine that was stopped or that takes too long; raises `_Killed`.

        If the worker drains, ask the engine to end behind the item in hand.
        """
        status = self._status_writer.status()
        if self._draining():
            engine.leave()
        if engine.is_stopped():
            raise _Killed(engine.kill(), WorkerCrashedError("the process that rendered it was stopped"))
        limit_s = self._settings.item_deadline_s
        took_s = time.monotonic() - status.since_s
        # A status that is read while the engine writes it may mix two items: two reads must agree.
        if status.rendering and took_s >= limit_s and self._status_writer.status() == status:
            detail = f"it took longer than {limit_s:g} s (RAYJOBS_ITEM_DEADLINE_S)"
            raise _Killed(engine.kill(), DeadlineError(detail, limit=limit_s, actual=round(took_s, 1)))

    def _blame(self, end: Ended, left: Assignment, ended: dict[int, Outcome]) -> None:
        """Drop the engine that ended; if it was rendering an item, give this item its outcome."""
        status = self._status_writer.status()
        self._drop()
        extra = {"batch": left.batch_id, "item": status.index}
        log.warning("engine process ended by %s: %s", end.cause, end.stderr_tail, extra=extra)
        mine = {item.index for item in left.items} - ended.keys()
        if status.rendering and status.batch_id == left.batch_id and status.index in mine:
            ended[status.index] = Outcome(
                index=status.index,
                state="failed",
                attempts=left.attempt,
                worker=self._settings.worker_id,
                duration_ms=round((time.monotonic() - status.since_s) * 1000, 2),
                error=_fault_of(end, status.variant),
            )

    def _in_large_lane(self, assignment: Assignment, before: Outcome) -> Outcome:
        """Try an item once more with more memory, which only one slot of the worker may use at a time."""
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

    def _engine_with(self, memory_bytes: int) -> EngineProcess:
        """Return the present engine process, or a new one, that may use this much memory."""
        if self._engine is not None and self._engine.memory_bytes != memory_bytes:
            self._drop()
        if self._fork_server is None or not self._fork_server.is_alive:
            self._drop()
            self._fork_server = self._start()
        if self._engine is None:
            self._engine = EngineProcess(self._fork_server, memory_bytes)
        return self._engine

    def _drop(self) -> None:
        """Kill the engine, if there is one, and remove the files that it was writing."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        engine.kill()
        engine.close()
        self._status_writer.rest()
        self._sweep()

    def _is_spent(self, engine: EngineProcess) -> bool:
        """Return whether the engine is to be replaced: leaks of a codec add up over many items."""
        most = self._settings.engine_most_rss_bytes
        return engine.items >= self._settings.engine_most_items or engine.rss_bytes() > most


def engine_supervisor(settings: Settings, number: int, parts: str, *, store: Store) -> EngineSupervisor:
    """Return a supervisor of `rayjobs.entrypoints.engine`, for a slot or for the API's render pool.

    Args:
        settings: The settings of the calling process.
        number: Names the status file: the process id of a slot, or a number that no slot of the folder has.
        parts: Prefix in the store for incomplete files; no other supervisor may use it.
        store: The store that holds this prefix.

    Raises:
        EngineUnavailableError: The system can't fork.
    """
    if not CAN_FORK:
        raise EngineUnavailableError("this system can't fork, so it can't start a process for pictures")
    command = [sys.executable, "-m", "rayjobs.entrypoints.engine", str(number), parts]
    start = partial(ForkServer, command, environment(os.environ, settings))
    status_writer = SlotStatusWriter(settings.slot_status_folder, number)
    return EngineSupervisor(settings, status_writer, start, sweep=partial(store.delete, parts))


class _Killed(Ended):
    """An engine that the supervisor killed, and the reason as the item's error."""

    def __init__(self, end: Ended, error: ItemError) -> None:
        super().__init__(end.exit_code, end.stderr_tail)
        self.error = error


def _counted(strikes: int, *, idle: bool) -> int:
    if idle and strikes + 1 == _STRIKES:
        raise EngineUnavailableError(f"{_STRIKES} engine processes in a row ended with nothing done")
    return strikes + 1 if idle else 0


def _received(engine: EngineProcess, wanted: Container[int]) -> dict[int, Outcome]:
    return {outcome.index: outcome for outcome in engine.outcomes() if outcome.index in wanted}


def _fault_of(end: Ended, variant: str) -> Fault:
    fault = Fault.of(_error_of(end))
    return replace(fault, detail=f"variant {variant!r}: {fault.detail}") if variant else fault


def _error_of(end: Ended) -> ItemError:
    if isinstance(end, _Killed):
        return end.error
    if any(each in end.stderr_tail.lower() for each in _OUT_OF_MEMORY):
        return WorkerOutOfMemoryError("there was not enough memory for this picture")
    if end.cause == "SIGXCPU":
        return DeadlineError("it took more processor time than its deadline (RAYJOBS_ITEM_DEADLINE_S)")
    return WorkerCrashedError(f"the process that rendered it ended by {end.cause}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for a lock on the file `path`; hold it for the block, against all processes of this machine."""
    import fcntl

    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
