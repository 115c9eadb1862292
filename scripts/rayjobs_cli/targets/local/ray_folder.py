"""The folder of Ray's session, under the state directory, by a path that is short enough for its sockets."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_LONGEST = 36
"""Longest usable path. The path of a Unix socket may have 103 characters on macOS and 107 on Linux; Ray adds
`/session_<date>_<time>_<pid>/sockets/dash_MetricsHead`, 67 with a pid of seven digits."""


def real(folder: Path) -> Path:
    """Return where Ray's files are."""
    return folder / "ray"


def usable(folder: Path, stack: str) -> Path:
    """Return the path for Ray: the real one, or a link to it when the real one is too long."""
    return real(folder) if os.name != "posix" or len(str(real(folder))) <= _LONGEST else _link(stack)


def prepare(folder: Path, stack: str) -> None:
    """Make an empty folder, and the link if it is needed; Ray can't use older sessions."""
    shutil.rmtree(real(folder), ignore_errors=True)
    real(folder).mkdir(parents=True, exist_ok=True)
    path = usable(folder, stack)
    if path != real(folder):
        path.unlink(missing_ok=True)
        path.symlink_to(real(folder), target_is_directory=True)


def forget(stack: str) -> None:
    """Remove the link; the files stay until the next start, for their logs."""
    with suppress(OSError):
        _link(stack).unlink(missing_ok=True)


def _link(stack: str) -> Path:
    # On macOS `gettempdir` is a long path of its own, and `/tmp` is there on every POSIX system.
    base = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())  # noqa: S108 - a link, unguessable
    return base / f"rayjobs-{stack}"
