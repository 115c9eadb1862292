"""Bounds of a process's own resources, which every POSIX system has."""

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from rayjobs.sandbox import kernel

_NO_CORE = 1
"""Bytes; 0 would not hold for a core that is piped to a program. Source: Linux, fs/coredump.c."""
_PR_SET_PDEATHSIG = 1


def machine_bytes() -> int:
    """Return the memory of this machine, or of this container (cgroup v2) where that is less."""
    found = int(psutil.virtual_memory().total)
    with suppress(OSError, ValueError):  # no such group, or "max"
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return found


def oom_kills() -> int:
    """Return how many processes Linux has killed for want of memory, in all cgroups; 0 on other systems."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def no_core() -> None:
    """Forbid core dumps: a dump would hold other people's pictures, and take seconds to write."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))


def memory(most_bytes: int) -> None:
    """Bound the address space: an allocation above the bound fails, and the machine keeps its memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


def processor(more_s: float) -> None:
    """Let SIGXCPU end this process when it has used that much more processor time.

    This is the second guard behind the supervisor's clock, for a supervisor that is itself stopped.
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + more_s) + 1, hard))


def end_with_parent() -> None:
    """Let the kernel kill this process when the process that forked it ends.

    For Linux the parent is the thread that forked; the fork server has only one thread.
    """
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
