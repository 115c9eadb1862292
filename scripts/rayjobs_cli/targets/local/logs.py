"""The log files of a stack, one a service."""

from pathlib import Path
from typing import BinaryIO

_LARGE_BYTES = 20 * 2**20
"""A larger log is renamed when its process starts; one old file is kept."""
_TAIL_BYTES = 64 * 2**10


def path(folder: Path, name: str) -> Path:
    """Return the path of the log of a service."""
    return folder / "logs" / f"{name}.log"


def opened(folder: Path, name: str, large_bytes: int = _LARGE_BYTES) -> BinaryIO:
    """Open the log of a service to append; a log larger than `large_bytes` is renamed first."""
    file = path(folder, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > large_bytes:
        file.replace(file.with_suffix(".old.log"))
    return file.open("ab")


def tail(folder: Path, name: str, lines: int = 8) -> list[str]:
    """Return the last lines of the log of a service; an empty list without a log."""
    try:
        with path(folder, name).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
