"""Finds and ends processes of ours, and nobody else's.

A process is ours when its number *and* its start time are those that were written down, when it carries
the mark of our stack in its environment, or when it descends from one of these. The mark finds what a
killed parent left behind; the descent finds what overwrites its own environment, as Ray's workers do
when they set their title.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psutil

from rayjobs_cli.targets.local.state import ProcessId

STACK_MARK = "RAYJOBS_STACK"
"""Environment variable of every process of a stack: the stack's id."""
SERVICE_MARK = "RAYJOBS_SERVICE"
"""Environment variable that says to which service of the stack a process belongs."""

_STRAGGLERS_S = 1.0
"""How long descendants may outlive the process that was to end them."""
_KILL_S = 5.0
"""How long a killed process may take to vanish; only the kernel can delay it."""
_SAME_START_S = 0.05
"""Start times come from counters and are rounded."""


def identify(pid: int) -> ProcessId:
    """Return the identity of a running process."""
    return ProcessId(pid=pid, created=psutil.Process(pid).create_time())


def find(identity: ProcessId | None) -> psutil.Process | None:
    """Return the process if it still runs."""
    if identity is None:
        return None
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.created) <= _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def marked(stack: str, service: str | None = None) -> list[psutil.Process]:
    """Return the processes that carry a stack's mark, those of one service if it is given."""
    wanted = {STACK_MARK: stack} | ({SERVICE_MARK: service} if service else {})
    found = []
    for process in psutil.process_iter():
        # Other users' processes can't be asked, and are none of ours.
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and wanted.items() <= process.environ().items():
                found.append(process)
    return found


def end(roots: Sequence[psutil.Process], grace_s: float) -> None:
    """Ask processes to end, give them time, then kill them and whatever of theirs is left."""
    family = _with_descendants(roots)
    for process in roots:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(roots, timeout=grace_s)
    _, left = psutil.wait_procs(family, timeout=_STRAGGLERS_S)
    kill(left)


def kill(processes: Sequence[psutil.Process]) -> None:
    """End processes at once, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_KILL_S)


def _with_descendants(roots: Iterable[psutil.Process]) -> list[psutil.Process]:
    family = set(roots)
    for process in tuple(family):
        with suppress(psutil.NoSuchProcess):
            family.update(process.children(recursive=True))
    return list(family)
