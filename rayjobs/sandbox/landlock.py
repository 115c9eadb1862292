"""Landlock: the files that a process may change, and the network and processes that it may reach.

Source: Linux, Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h.
"""

import ctypes
import os
from pathlib import Path

from rayjobs.sandbox import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every architecture."""
_VERSION = 1
"""Flag of `_CREATE_RULESET`: return the version of the interface and create nothing."""
_PATH_BENEATH = 1
_REFER, _TRUNCATE, _TCP, _SCOPES = 2, 3, 4, 6
"""Versions that brought, in this order: renaming between folders, truncation, the network, scopes."""

_WRITE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 1, 1 << 7, 1 << 8
_REMOVE = 1 << 4 | 1 << 5
_MAKE_OTHERS = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12
"""Devices, sockets, pipes and links: no output is one of these."""
_EXECUTE, _RENAME_ACROSS, _TRUNCATE_FILE = 1 << 0, 1 << 13, 1 << 14
_BIND_AND_CONNECT_TCP = 1 << 0 | 1 << 1
_FOREIGN_SOCKETS_AND_SIGNALS = 1 << 0 | 1 << 1


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """Return the version of the kernel's interface; raises `OSError` where there is none."""
    return kernel.syscall(_CREATE_RULESET, None, 0, _VERSION)


def write_only_under(folder: Path) -> None:
    """Forbid changes of files outside `folder`, programs, TCP, and signals to other processes.

    Raises:
        OSError: The kernel has no Landlock, or its version can't allow a rename between two folders.
    """
    abi = version()
    if abi < _REFER:
        raise OSError(f"the kernel has version {abi} of Landlock, version {_REFER} is needed")
    within = _WRITE_FILE | _MAKE_DIR | _MAKE_REG | _REMOVE | _RENAME_ACROSS
    within |= _TRUNCATE_FILE if abi >= _TRUNCATE else 0
    rules = _Ruleset(within | _MAKE_OTHERS | _EXECUTE)
    # An older kernel accepts fields that it does not know if they are zero.
    rules.handled_access_net = _BIND_AND_CONNECT_TCP if abi >= _TCP else 0
    rules.scoped = _FOREIGN_SOCKETS_AND_SIGNALS if abi >= _SCOPES else 0
    kernel.no_new_privileges()
    ruleset = kernel.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        _allow(ruleset, str(folder), within)
        _allow(ruleset, os.devnull, _WRITE_FILE)
        kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(access, parent)
        kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
