"""Finds and ends processes of a stack, and never others.

A process belongs to a stack if its number *and* its start time are recorded, if it has the mark of the stack
in its environment, or if it descends from such a process. The mark finds what a killed parent left behind.
The descent finds processes that overwrite their own environment, as Ray's workers do to set their title.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psutil

from rayjobs_cli.targets.local.state import ProcessId

STACK_MARK = "RAYJOBS_STACK"
"""Environment variable of every process of a stack: the id of the stack."""
SERVICE_MARK = "RAYJOBS_SERVICE"
"""Environment variable of every process of a service: the name of the service."""

_STRAGGLERS_S = 1.0
"""How long descendants may outlive the process that ends them."""
_KILL_S = 5.0
"""How long a killed process may stay; only the kernel can delay its end."""
_SAME_START_S = 0.05
"""Two start times within this are equal: they come from counters and are rounded."""


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
        # Processes of other users can't be read, and belong to no stack of this user.
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and wanted.items() <= process.environ().items():
                found.append(process)
    return found


def end(roots: Sequence[psutil.Process], grace_s: float) -> None:
    """Ask processes to end, wait `grace_s`, then kill them and their descendants that are left."""
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
