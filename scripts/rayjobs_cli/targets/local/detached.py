"""Starts programs of this project that outlive the command."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

_FLAGS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows: no console window, and no end together with that of the command. Both flags exist only there."""

_started: list[subprocess.Popen[bytes]] = []
"""Started by this process: a `Popen` that is deleted while its process runs warns."""


def start(command: tuple[str, ...], log: BinaryIO, marks: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a module of this project as a program.

    Args:
        command: The name of the module, and its arguments.
        log: The file for its output.
        marks: Variables that are added to its environment.
    """
    process = subprocess.Popen(
        (sys.executable, "-m", *command),
        cwd=Path(log.name).parent,
        env={**os.environ, **marks, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the terminal of this command must not end the program.
        start_new_session=os.name == "posix",
        creationflags=_FLAGS,
    )
    _started.append(process)
    return process


def reap() -> None:
    """Remove ended children from the system's process table: a child stays there until its parent asks."""
    for process in _started:
        process.poll()
