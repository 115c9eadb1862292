"""Checks a virtual environment, and makes or updates it; standard library only.

A stamp in the environment names the lock that it was made from. During the work the stamp says `unfinished`,
so an environment whose making was interrupted never counts as good: it is made again from nothing.
"""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import IO

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.setup.installer import install
from rayjobs_cli.setup.progress import Progress

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_STAMP = "rayjobs-stamp"
_UNFINISHED = "unfinished"
_GUARD = "rayjobs-guard"
"""A lock file: only one command at a time works on the environment; the system frees it when that dies."""
_SPACE_BYTES = 1_000_000_000
"""What an environment takes with the tools, and a little more."""
_PROBE = "import sys; assert sys.version_info >= (3, 11); print(sys.implementation.cache_tag)"


class Environment:
    """A virtual environment in a folder, which need not be there yet.

    Args:
        folder: Where it is.
        project: What is installed in it, as it stands there, beside what the lock names.
    """

    def __init__(self, folder: Path, project: Path | None = None) -> None:
        self._folder = folder
        self._project = project
        self._stamp = folder / _STAMP

    @property
    def python(self) -> Path:
        """The path of its interpreter."""
        return self._folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def is_running(self, digests: Sequence[str]) -> bool:
        """Return whether this process runs in the environment, and one of these locks made the environment.

        The Python version is compared too: an upgrade may put another Python behind the same link.
        """
        digest, tag = self._read()
        return digest in digests and tag == sys.implementation.cache_tag

    def provide(self, lock: Path, digests: Sequence[str]) -> None:
        """Make the environment, or bring it up to date, unless it is good already.

        Args:
            lock: The packages to install; its digest is the first of `digests`.
            digests: Digests of the locks that make a good environment.

        Raises:
            CommandError: The disk is full, the network does not answer, or a file can't be written.
        """
        if self._is_good(digests):
            return
        try:
            self._folder.mkdir(exist_ok=True)
            with _alone(self._folder / _GUARD):
                if not self._is_good(digests):  # Race: another command may have made it in the meantime
                    self._make(lock, digests[0])
        except OSError as error:
            raise _command_error(error, self._folder) from error

    def _is_good(self, digests: Sequence[str]) -> bool:
        digest, tag = self._read()
        return digest in digests and tag == self._tag()

    def _make(self, lock: Path, digest: str) -> None:
        progress = Progress(sys.stderr)
        begun, tag = self._read()[0] == _UNFINISHED, self._tag()
        self._stamp.write_text(_UNFINISHED, encoding="utf-8")
        if begun or tag is None:
            if shutil.disk_usage(self._folder).free < _SPACE_BYTES:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            progress.phase(f"Making {self._folder.name}: once, and a few minutes at most")
            self._clear()
            venv.EnvBuilder(symlinks=os.name != "nt").create(self._folder)
            tag = self._tag()
        else:
            progress.phase(f"Bringing {self._folder.name} up to date")
        count = install(self.python, lock, progress, self._project)
        self._stamp.write_text(f"{digest} {tag}", encoding="utf-8")
        progress.phase(f"Done: {count} packages in {progress.elapsed_s:.0f} s")

    def _read(self) -> tuple[str, str]:
        """Return the lock's digest and the Python's tag from the stamp; two empty strings without a stamp."""
        try:
            digest, _, tag = self._stamp.read_text(encoding="utf-8").partition(" ")
        except OSError:
            return "", ""
        return digest, tag

    def _tag(self) -> str | None:
        """Return the tag of the Python in the environment, None when no Python works there."""
        if not (self._folder / "pyvenv.cfg").is_file():
            return None
        try:
            done = subprocess.run(
                [str(self.python), "-c", _PROBE],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    def _clear(self) -> None:
        for path in self._folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in {_GUARD, _STAMP}:
                path.unlink()


@contextmanager
def _alone(guard: Path) -> Iterator[None]:
    with guard.open("a", encoding="utf-8") as handle:
        if not _hold(handle, wait=False):
            print("Waiting for another command that prepares .venv", file=sys.stderr)
            while not _hold(handle, wait=True):
                pass  # Windows waits ten seconds at a time
        yield


def _hold(handle: IO[str], *, wait: bool) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _command_error(error: OSError, folder: Path) -> CommandError:
    if error.errno == ENOSPC:
        return CommandError(
            "no_space", f"The disk of {folder} is full.", "Free at least 1 GB, then try again."
        )
    return CommandError(
        "venv_failed",
        f"{error.filename or folder}: {error.strerror}.",
        f"End what runs from {folder}, make sure that you may write there, then try again.",
    )
