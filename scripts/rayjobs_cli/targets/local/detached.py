"""Programs of ours that outlive the command that starts them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

_FLAGS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows: no console of its own, and none to be closed with. Both flags exist only there."""

_started: list[subprocess.Popen[bytes]] = []
"""Those that this process started: a `Popen` that is dropped while its process runs warns of it."""


def start(command: tuple[str, ...], log: BinaryIO, marks: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start one of our modules as a program.

    Args:
        command: The module's name, and what it is given.
        log: Takes what it prints.
        marks: What it has in its environment beside what this process has.
    """
    process = subprocess.Popen(
        (sys.executable, "-m", *command),
        cwd=Path(log.name).parent,
        env={**os.environ, **marks, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the terminal of this command is not meant for it.
        start_new_session=os.name == "posix",
        creationflags=_FLAGS,
    )
    _started.append(process)
    return process


def look() -> None:
    """Let go of those that have ended: a child stays in the system's table until its parent looks."""
    for process in _started:
        process.poll()
