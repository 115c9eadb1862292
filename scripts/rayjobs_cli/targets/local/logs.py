"""The log files of a stack, one a service."""

from pathlib import Path
from typing import BinaryIO

_LARGE_BYTES = 20 * 2**20
"""A log that has grown beyond this is put aside when its process starts; one old file is kept."""
_TAIL_BYTES = 64 * 2**10


def path(folder: Path, name: str) -> Path:
    """Return where a service's log is."""
    return folder / "logs" / f"{name}.log"


def opened(folder: Path, name: str) -> BinaryIO:
    """Open a service's log to be continued."""
    file = path(folder, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > _LARGE_BYTES:
        file.replace(file.with_suffix(".old.log"))
    return file.open("ab")


def tail(folder: Path, name: str, lines: int = 8) -> list[str]:
    """Return the last lines of a service's log, none if there is none."""
    try:
        with path(folder, name).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
