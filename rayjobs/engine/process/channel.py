"""What a slot and its engine process say to each other, and each one's end of it.

Assignments and their ends go through a socket, on which the slot waits; outcomes through a pipe, on which
it does not: written there they are safe even from the engine's own death, and the slot need not wake up
for each. JSON only, because a picture may have taken the engine over, and unpickling runs code.
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
"""What an engine says: it is done, or the pipe is full, or the store is away."""

_READ_BYTES = 2**20
_LAST_WORDS_BYTES = 8000


class Ended(Exception):  # noqa: N818 - it is the keeper's business to find out whether it is an error
    """The engine process is gone."""

    def __init__(self, exit_code: int, last_words: str) -> None:
        super().__init__(f"exit code {exit_code}: {last_words}")
        self.exit_code = exit_code
        """Negative: minus the signal that ended it."""
        self.last_words = last_words
        """The end of what it wrote to its stderr."""

    @property
    def cause(self) -> str:
        """Say what ended it, in words."""
        if self.exit_code >= 0:
            return f"exit status {self.exit_code}"
        with suppress(ValueError):
            return signal.Signals(-self.exit_code).name
        return f"signal {-self.exit_code}"


class EngineProcess:
    """The slot's end."""

    def __init__(self, nursery: ForkServer, memory_bytes: int) -> None:
        """Have a process forked; raises `EngineUnavailableError`."""
        mine, theirs = socket.socketpair()
        (self._outcomes, outcomes), (self._words, words) = os.pipe(), os.pipe()
        ends = [theirs.detach(), outcomes, words]
        try:
            self.pid = nursery.fork(ends, memory_bytes=memory_bytes)
        except EngineUnavailableError:
            ends += [mine.detach(), self._outcomes, self._words]
            raise
        finally:
            for each in ends:
                os.close(each)
        self.memory_bytes = memory_bytes
        self.items = 0
        """Handled so far."""
        self._nursery = nursery
        self._oom_kills = limits.oom_kills()
        self._control = Connection(mine.detach())
        self._rest = b""
        self._last_words = b""
        self._ended: Ended | None = None
        self._awaited = selectors.DefaultSelector()
        for each in (self._outcomes, self._words):
            os.set_blocking(each, False)
        self._awaited.register(self._control, selectors.EVENT_READ)
        self._awaited.register(self._words, selectors.EVENT_READ)

    def assign(self, assignment: bytes) -> None:
        """Give it work; raises `Ended`."""
        try:
            self._control.send_bytes(assignment)
        except OSError:
            raise self.kill() from None

    def wait(self, timeout_s: float) -> bool:
        """Return True when the assignment has ended, False when there is something to look at, or time is up.

        Raises:
            Ended: The process has ended.
            StoreUnavailableError: The store is away.
        """
        for key, _ in self._awaited.select(timeout_s):
            if key.fd == self._words:
                if not self._listen():
                    self._awaited.unregister(self._words)
                continue
            try:
                word, *details = orjson.loads(self._control.recv_bytes())
            except (EOFError, OSError, ValueError):
                raise self.kill() from None
            if word == AWAY:
                raise StoreUnavailableError(*details)
            if word == END:
                return True
        return False

    def finish(self, within_s: float) -> None:
        """Let it end the item in hand and leave; raises as `wait`, and returns when the time is up."""
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0 and not self.wait(left_s):
            continue

    def outcomes(self) -> Iterator[Outcome]:
        """Give what it has told since the last time; it need not have lived to see it read.

        Raises:
            Ended: It told something that is no outcome, and had to be ended.
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
        """Whether somebody has stopped it, as by SIGSTOP."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    def rss_bytes(self) -> int:
        """Return its resident memory; 0 when it has ended."""
        with suppress(psutil.NoSuchProcess):
            return int(psutil.Process(self.pid).memory_info().rss)
        return 0

    def processor_s(self) -> float:
        """Return the processor time that it has used; 0 when it has ended."""
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(self.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def leave(self) -> None:
        """Tell it to end behind the item in hand; a repeat does nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> Ended:
        """End the process at once, also one that is stopped; return how it ended. A repeat does nothing."""
        if self._ended is None:
            # One that is ending by itself has its exit code already; another may only have closed its socket.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            try:
                exit_code = self._nursery.reap(self.pid)
            except EngineUnavailableError:  # its nursery ended, and took it along
                exit_code = -signal.SIGKILL
            self._listen()
            if exit_code == -signal.SIGKILL and limits.oom_kills() > self._oom_kills:
                self._last_words += b"\nout of memory: ended by the kernel"
            self._ended = Ended(exit_code, self._last_words.decode(errors="replace").strip())
        return self._ended

    def close(self) -> None:
        """Let go of a process that was killed."""
        self._awaited.close()
        self._control.close()
        os.close(self._outcomes)
        os.close(self._words)

    def _listen(self) -> bool:
        """Pass on to our stderr what it wrote to its own, and remember its end; False when it is closed."""
        try:
            while data := os.read(self._words, _READ_BYTES):
                self._last_words = (self._last_words + data)[-_LAST_WORDS_BYTES:]
                os.write(2, data)
        except BlockingIOError:
            return True
        return False


@dataclass
class ChannelEnds:
    """The engine's end."""

    control: Connection
    outcomes: int

    @classmethod
    def of(cls, ends: list[int]) -> "ChannelEnds":
        """Take the file descriptors over; what is written to stderr goes to the slot from here on."""
        control, outcomes, words = ends
        os.dup2(words, 2)
        os.close(words)
        os.set_blocking(outcomes, False)
        return cls(Connection(control), outcomes)

    def say(self, word: str, *details: str) -> None:
        """Wake the slot up with a word."""
        self.control.send_bytes(orjson.dumps([word, *details]))

    def tell(self, outcome: Outcome) -> None:
        """Write an outcome down, where it is safe."""
        line = memoryview(orjson.dumps(outcome.as_json()) + b"\n")
        with suppress(BlockingIOError):
            line = line[os.write(self.outcomes, line) :]
        if line:
            self.say(FULL)
            os.set_blocking(self.outcomes, True)
            while line:
                line = line[os.write(self.outcomes, line) :]
            os.set_blocking(self.outcomes, False)
