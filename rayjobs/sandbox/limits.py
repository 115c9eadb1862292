"""Bounds of a process's own resources, kept by every POSIX system."""

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
    """Return how many processes Linux has ended for want of memory, in all groups; 0 elsewhere."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def no_core() -> None:
    """Write no core dump: it would hold other people's pictures, and take seconds."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))


def memory(most_bytes: int) -> None:
    """Refuse memory above this address space: an allocation fails, instead of the machine."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


def processor(more_s: float) -> None:
    """End this process by SIGXCPU when it has used that much more processor time.

    The second guard behind the keeper's clock, for a keeper that is itself stopped.
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + more_s) + 1, hard))


def end_with_parent() -> None:
    """Be killed when the process that forked this one ends.

    Linux means the thread that forked; the nursery has only one.
    """
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
