"""What a process gives up before it reads a picture that a stranger may have made.

limits    bounds of its own resources
landlock  the files that it may change, the network and the processes that it may reach
seccomp   system calls that no decoder needs
kernel    system calls that Python's library does not have

These steps need no privilege, only `no_new_privs`. They hold for the calling thread and for all threads
that start later: so call `confine` while the process has one thread. A step that the system can't do is
reported, not fatal: macOS has no Landlock, and the demo runs there too.
"""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from typing_extensions import override

from rayjobs.sandbox import landlock, limits, seccomp

__all__ = ["Bounds", "confine", "limits"]


@dataclass(frozen=True)
class Bounds:
    """The memory and the folder that a confined process may use."""

    memory_bytes: int
    """Address space."""
    writable: Path
    """The one folder under which the process may make, write, rename and remove files; it must exist."""


@dataclass(frozen=True)
class Confinement:
    """The steps that are in force for this process, and those that the system could not do."""

    held: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def level(self) -> int:
        """The level at which to log this."""
        return logging.WARNING if self.lacking else logging.INFO

    @override
    def __str__(self) -> str:
        """Return both lists in one line."""
        lacking = f"; not in force: {', '.join(self.lacking)}" if self.lacking else ""
        return f"in force: {', '.join(self.held) or 'nothing'}{lacking}"


def confine(bounds: Bounds) -> Confinement:
    """Give up, for good, all that rendering does not need; return which steps are in force."""
    steps = (
        ("no core dumps", limits.no_core),
        (f"address space of {bounds.memory_bytes >> 20} MiB", partial(limits.memory, bounds.memory_bytes)),
        ("ends with its parent", limits.end_with_parent),
        (
            f"writes only under {bounds.writable} (Landlock)",
            partial(landlock.write_only_under, bounds.writable),
        ),
        ("no sockets, programs or children (seccomp)", seccomp.forbid),
    )
    held, lacking = [], []
    for what, step in steps:
        try:
            step()
            held.append(what)
        except (OSError, ImportError, ValueError) as error:
            lacking.append(f"{what} ({error})")
    return Confinement(tuple(held), tuple(lacking))
