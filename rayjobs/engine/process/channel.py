"""The channel between a slot and its engine process: the messages, and the class for each end.

A socket carries the assignments to the engine and its answers back; the slot waits on it. A pipe carries the
outcomes; the slot does not wait on it. An outcome in the pipe survives the engine's death, and does not wake
the slot up. All messages are JSON: a picture may control the engine, and unpickling would run its code.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import orjson
import psutil

from rayjobs.engine.process.fork_server import ForkServer
from rayjobs.errors import EngineUnavailableError, StoreUnavailableError
from rayjobs.model.item import Outcome
from rayjobs.sandbox import limits

END, FULL, AWAY = "end", "full", "away"
"""Messages of an engine: the assignment has ended, the pipe of outcomes is full, the store is away."""

_READ_BYTES = 2**20
_STDERR_TAIL_BYTES = 8000


class Ended(Exception):  # noqa: N818 - the supervisor finds out whether it is an error
    """The engine process is gone."""

    def __init__(self, exit_code: int, stderr_tail: str) -> None:
        super().__init__(f"exit code {exit_code}: {stderr_tail}")
        self.exit_code = exit_code
        """Negative: minus the signal that ended it."""
        self.stderr_tail = stderr_tail
        """The last lines that the process wrote to its stderr."""

    @property
    def cause(self) -> str:
        """Return the signal's name, or the exit status, for a message."""
        if self.exit_code >= 0:
            return f"exit status {self.exit_code}"
        with suppress(ValueError):
            return signal.Signals(-self.exit_code).name
        return f"signal {-self.exit_code}"


class EngineProcess:
    """The slot's end of the channel, and the engine process behind it."""

    def __init__(self, fork_server: ForkServer, memory_bytes: int) -> None:
        """Fork a process that may use `memory_bytes`; raises `EngineUnavailableError`."""
        mine, theirs = socket.socketpair()
        (self._outcomes, outcomes), (self._stderr, stderr) = os.pipe(), os.pipe()
        ends = [theirs.detach(), outcomes, stderr]
        try:
            self.pid = fork_server.fork(ends, memory_bytes=memory_bytes)
        except EngineUnavailableError:
            ends += [mine.detach(), self._outcomes, self._stderr]
            raise
        finally:
            for each in ends:
                os.close(each)
        self.memory_bytes = memory_bytes
        self.items = 0
        """Number of items that the process has ended."""
        self._fork_server = fork_server
        self._oom_kills = limits.oom_kills()
        self._control = Connection(mine.detach())
        self._rest = b""
        self._stderr_tail = b""
        self._ended: Ended | None = None
        self._awaited = selectors.DefaultSelector()
        for each in (self._outcomes, self._stderr):
            os.set_blocking(each, False)
        self._awaited.register(self._control, selectors.EVENT_READ)
        self._awaited.register(self._stderr, selectors.EVENT_READ)

    def assign(self, assignment: bytes) -> None:
        """Send the process an assignment; raises `Ended`."""
        try:
            self._control.send_bytes(assignment)
        except OSError:
            raise self.kill() from None

    def wait(self, timeout_s: float) -> bool:
        """Return True when the assignment has ended, False when the engine wrote something or time is up.

        Raises:
            Ended: The process has ended.
            StoreUnavailableError: The store is away.
        """
        for key, _ in self._awaited.select(timeout_s):
            if key.fd == self._stderr:
                if not self._read_stderr():
                    self._awaited.unregister(self._stderr)
                continue
            try:
                message, *details = orjson.loads(self._control.recv_bytes())
            except (EOFError, OSError, ValueError):
                raise self.kill() from None
            if message == AWAY:
                raise StoreUnavailableError(*details)
            if message == END:
                return True
        return False

    def finish(self, within_s: float) -> None:
        """Ask the process to end behind the item in hand; wait `within_s` at most; raises as `wait`."""
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0 and not self.wait(left_s):
            continue

    def outcomes(self) -> Iterator[Outcome]:
        """Give the outcomes that the process has reported since the last call, also if it has ended since.

        Raises:
            Ended: The process reported something that is no outcome, and was killed.
        """
        with suppress(BlockingIOError):
            while data := os.read(self._outcomes, _READ_BYTES):
                *lines, self._rest = (self._rest + data).split(b"\n")
                self.items += len(lines)
                try:
                    yield from (Outcome.of(orjson.loads(line)) for line in lines)
                except (KeyError, TypeError, ValueError):
                    raise self.kill() from None

    def is_stopped(self) -> bool:
        """Return whether somebody has stopped the process, for example by SIGSTOP."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    def rss_bytes(self) -> int:
        """Return the resident memory of the process; 0 when it has ended."""
        with suppress(psutil.NoSuchProcess):
            return int(psutil.Process(self.pid).memory_info().rss)
        return 0

    def processor_s(self) -> float:
        """Return the processor time that the process has used; 0 when it has ended."""
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(self.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def leave(self) -> None:
        """Ask the process to end behind the item in hand; a repeat does nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> Ended:
        """Kill the process, also one that is stopped; return how it ended. A repeat does nothing."""
        if self._ended is None:
            # A process that has ended keeps its exit code; one that only closed its socket is killed.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            try:
                exit_code = self._fork_server.reap(self.pid)
            except EngineUnavailableError:  # the fork server ended, and its end killed the process
                exit_code = -signal.SIGKILL
            self._read_stderr()
            if exit_code == -signal.SIGKILL and limits.oom_kills() > self._oom_kills:
                self._stderr_tail += b"\nout of memory: ended by the kernel"
            self._ended = Ended(exit_code, self._stderr_tail.decode(errors="replace").strip())
        return self._ended

    def close(self) -> None:
        """Close the channel to a process that was killed."""
        self._awaited.close()
        self._control.close()
        os.close(self._outcomes)
        os.close(self._stderr)

    def _read_stderr(self) -> bool:
        """Copy the stderr of the process to ours and keep its last lines; return False when it is closed."""
        try:
            while data := os.read(self._stderr, _READ_BYTES):
                self._stderr_tail = (self._stderr_tail + data)[-_STDERR_TAIL_BYTES:]
                os.write(2, data)
        except BlockingIOError:
            return True
        return False


@dataclass
class ChannelEnds:
    """The engine's end of the channel."""

    control: Connection
    outcomes: int

    @classmethod
    def of(cls, ends: list[int]) -> "ChannelEnds":
        """Take the file descriptors over; from now on, stderr goes to the slot."""
        control, outcomes, stderr = ends
        os.dup2(stderr, 2)
        os.close(stderr)
        os.set_blocking(outcomes, False)
        return cls(Connection(control), outcomes)

    def send(self, message: str, *details: str) -> None:
        """Send one of `END`, `FULL` and `AWAY`; this wakes the slot up."""
        self.control.send_bytes(orjson.dumps([message, *details]))

    def report(self, outcome: Outcome) -> None:
        """Write an outcome into the pipe, where it survives the engine's death."""
        line = memoryview(orjson.dumps(outcome.as_json()) + b"\n")
        with suppress(BlockingIOError):
            line = line[os.write(self.outcomes, line) :]
        if line:
            self.send(FULL)
            os.set_blocking(self.outcomes, True)
            while line:
                line = line[os.write(self.outcomes, line) :]
            os.set_blocking(self.outcomes, False)
