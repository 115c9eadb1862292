"""What a process gives up before it touches a picture that anybody may have made.

limits    bounds of its own resources
landlock  the files that it may change, the network and the processes that it may reach
seccomp   system calls that no decoder needs
kernel    system calls that Python has no names for

Everything here needs no privilege, only `no_new_privs`, and holds for all threads that the process starts
later: so it must be called while there is one. What the system lacks is said, not fatal: a laptop with
macOS has no Landlock and shall run the demo all the same.
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
    """What a confined process may still do."""

    memory_bytes: int
    """Address space."""
    writable: Path
    """The one folder under which it may make, write, rename and remove files; it must exist."""


@dataclass(frozen=True)
class Confinement:
    """What is in force for this process, and what could not be, for its log."""

    held: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def level(self) -> int:
        """How loud a log should say it."""
        return logging.WARNING if self.lacking else logging.INFO

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        lacking = f"; not in force: {', '.join(self.lacking)}" if self.lacking else ""
        return f"in force: {', '.join(self.held) or 'nothing'}{lacking}"


def confine(bounds: Bounds) -> Confinement:
    """Give up all that rendering does not need, for good; return what that came to."""
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
