"""Runs one service: starts it when its needs are ready, and restarts it when it dies."""

import logging
import os
import subprocess
import time
from collections.abc import Set as AbstractSet
from pathlib import Path

import psutil

from rayjobs_cli.targets.local import logs
from rayjobs_cli.targets.local.processes import SERVICE_MARK, STACK_MARK, end, find, identify, kill, marked
from rayjobs_cli.targets.local.services import Service
from rayjobs_cli.targets.local.state import Phase, ProcessId, Status

log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
_STEADY_S = 30.0
"""A process that lived this long did not die of its start: the delays begin again."""


class Backoff:
    """How long to wait before the next start: twice as long each time, up to a limit."""

    def __init__(self) -> None:
        self._delay_s = _FIRST_DELAY_S

    def after(self, lived_s: float) -> float:
        """Return the delay after a process that lived for `lived_s`."""
        delay_s = _FIRST_DELAY_S if lived_s >= _STEADY_S else self._delay_s
        self._delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
        return delay_s


class Unit:
    """A service and its present process."""

    def __init__(self, service: Service, stack: str, folder: Path) -> None:
        self.service = service
        self._stack = stack
        self._folder = folder
        self._phase: Phase = "waiting"
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessId | None = None
        self._backoff = Backoff()
        self._restarts = 0
        self._last_end: str | None = None
        self._started_at = 0.0
        self._due_at = 0.0

    @property
    def status(self) -> Status:
        """The status of the service."""
        return Status(
            phase=self._phase, process=self._identity, restarts=self._restarts, last_end=self._last_end
        )

    @property
    def ready(self) -> bool:
        """Whether the present process is ready."""
        return self._phase == "ready"

    def step(self, ready: AbstractSet[str]) -> bool:
        """Start, check or restart the service, given the ready services; return whether it changed."""
        before = self.status
        if self._process is None:
            if ready >= set(self.service.needs) and time.monotonic() >= self._due_at:
                self._start()
        elif (code := self._process.poll()) is not None:
            self._lost(f"ended with status {code}")
        elif not ready >= set(self.service.follows):
            self._lost("lost a service that it depends on")
        elif self._phase == "starting":
            self._check_start()
        return self.status != before

    def stop(self) -> None:
        """End the process and all that belongs to it."""
        main = find(self._identity)
        if main is not None:
            end([main], self.service.stop_limit_s)
        # Processes that a killed parent left behind still hold its ports and files.
        kill(marked(self._stack, self.service.name))
        if self._process is not None:
            self._process.wait()
        self._process = self._identity = None
        self._phase = "waiting"

    def _start(self) -> None:
        marks = {STACK_MARK: self._stack, SERVICE_MARK: self.service.name}
        with logs.opened(self._folder, self.service.name) as file:
            self._process = subprocess.Popen(
                self.service.command,
                cwd=self._folder,
                env=self.service.environment | marks,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal of a deploy must not reach the service: it outlives the command.
                start_new_session=os.name == "posix",
            )
        self._started_at = time.monotonic()
        try:
            self._identity = identify(self._process.pid)
        except psutil.NoSuchProcess:  # the process has ended already; the next step reports that
            self._identity = None
        self._phase = "starting"
        log.info("%s started, pid %d", self.service.name, self._process.pid)

    def _check_start(self) -> None:
        age_s = time.monotonic() - self._started_at
        if self.service.ready():
            self._phase = "ready"
            log.info("%s is ready after %.1f s", self.service.name, age_s)
        elif age_s > self.service.start_limit_s:
            self._lost(f"was not ready within {self.service.start_limit_s:g} s")

    def _lost(self, reason: str) -> None:
        delay_s = self._backoff.after(time.monotonic() - self._started_at)
        log.warning("%s %s; it is started again in %.1f s", self.service.name, reason, delay_s)
        self.stop()
        self._restarts += 1
        self._last_end = reason
        self._due_at = time.monotonic() + delay_s
