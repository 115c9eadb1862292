"""seccomp: refuses, with EPERM, the system calls that no decoder needs.

The list names what is forbidden, not what is allowed: the next version of a decoder may make a new call and
must not fail. Landlock bounds the access to files.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; numbers: arch/x86/entry/syscalls/syscall_64.tbl
and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from rayjobs.sandbox import kernel

_FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # The network: what was opened before stays usable.
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "bind": (49, 200), "listen": (50, 201),
    "socketpair": (53, 199), "accept4": (288, 242),
    # Programs and processes.
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    # The system.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265),
    # Calls through which programs have often broken out into the kernel.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "personality": (135, 92),
}  # fmt: skip
"""Name -> number on x86_64 and on aarch64, None where there is no such call."""


@dataclass(frozen=True)
class _Machine:
    column: int
    audit: int
    """What the kernel calls the architecture. Source: include/uapi/linux/audit.h."""
    seccomp: int
    clone: int
    tgkill: int
    prlimit64: int


_MACHINES = {
    "x86_64": _Machine(0, 0xC000003E, 317, 56, 234, 302),
    "aarch64": _Machine(1, 0xC00000B7, 277, 220, 131, 261),
}
_CLONE3 = 435
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000
"""This bit marks the numbers of the x32 calls, a second set on x86_64 that hardly any program uses."""

_SET_MODE_FILTER = 1
_SPEC_ALLOW = 1 << 2
"""Flag: without it, kernels before 5.16 slow the whole process down as a guard against Spectre."""

# Instructions of the classic BPF. Source: include/uapi/linux/bpf_common.h.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in the `seccomp_data` that a filter reads."""
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
"""The low bits hold the errno."""


def forbid() -> None:
    """Refuse from now on all of `_FORBIDDEN`, new processes, and signals to and limits of other processes.

    Raises:
        OSError: The kernel has no seccomp filters, or this module has no numbers for the architecture.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(f"no list of system calls for {platform.machine()}")
    program = _program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, of 8 bytes each, and their address.
    head = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
    kernel.no_new_privileges()
    kernel.syscall(machine.seccomp, _SET_MODE_FILTER, _SPEC_ALLOW, head)


def _program(machine: _Machine) -> bytes:
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        *_unless(_JUMP_EQUAL, machine.audit, _REFUSE | errno.EPERM),
        _line(_LOAD, _NUMBER),
        *_where(_JUMP_AT_LEAST, _X32, _REFUSE | errno.ENOSYS),
        # The flags of `clone3` are in memory, which a filter can't read; after ENOSYS glibc calls `clone`.
        *_where(_JUMP_EQUAL, _CLONE3, _REFUSE | errno.ENOSYS),
    ]
    numbers = (row[machine.column] for row in _FORBIDDEN.values())
    for number in numbers:
        if number is not None:
            lines += _where(_JUMP_EQUAL, number, _REFUSE | errno.EPERM)
    lines += _where_argument(machine.clone, _unless(_JUMP_ANY_BIT, _CLONE_THREAD, _REFUSE | errno.EPERM))
    own = _unless(_JUMP_EQUAL, os.getpid(), _REFUSE | errno.EPERM)  # `abort` sends itself its signal
    lines += _where_argument(machine.tgkill, own)
    lines += _where_argument(machine.prlimit64, _unless(_JUMP_EQUAL, 0, _REFUSE | errno.EPERM))
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def _line(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _where(jump: int, operand: int, verdict: int) -> list[bytes]:
    return [_line(jump, operand, if_false=1), _line(_RETURN, verdict)]


def _unless(jump: int, operand: int, verdict: int) -> list[bytes]:
    return [_line(jump, operand, if_true=1), _line(_RETURN, verdict)]


def _where_argument(number: int, check: list[bytes]) -> list[bytes]:
    """Run `check` on the low half of the first argument of one call; allow the call if it passes."""
    body = [_line(_LOAD, _FIRST_ARGUMENT), *check, _line(_RETURN, _ALLOW)]
    return [_line(_JUMP_EQUAL, number, if_false=len(body)), *body]
