"""System calls that Python's library does not have; only this module makes them."""

import ctypes
import functools
import os
import sys


@functools.cache
def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError("only Linux has it")
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """Make a system call; raises `OSError` as Python's own calls do."""
    # As wide as a register: ctypes would cut a plain int to 32 bits.
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = _libc().syscall(ctypes.c_long(number), *wide)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option: int, argument: int) -> None:
    """Change a property of the calling thread or its process; raises `OSError`."""
    if _libc().prctl(option, ctypes.c_ulong(argument), *map(ctypes.c_ulong, (0, 0, 0))) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def no_new_privileges() -> None:
    """Never gain privileges by `execve`; an unprivileged seccomp filter or Landlock ruleset requires this."""
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS, linux/prctl.h
