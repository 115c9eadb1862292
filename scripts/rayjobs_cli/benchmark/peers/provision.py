"""Makes the environments of the peers, once, from pinned locks with hashes, under the state directory."""

import re
import shutil
import subprocess
from pathlib import Path

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.setup.bootstrap import digest
from rayjobs_cli.setup.environment import Environment

_HERE = Path(__file__).parent
LOCKS = {path.stem: path for path in sorted(_HERE.glob("*.lock"))}
"""Name of the peer -> its lock."""
_INSTALL_S = 300.0
_SHARP = "package.json", "package-lock.json"


class AbsentError(Exception):
    """A peer can't run on this machine; the message says why in one line."""


def python(name: str, folder: Path) -> Path:
    """Return the Python of a peer's environment, made if it is not there.

    Raises:
        AbsentError: The environment can't be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = Environment(folder / name)
    try:
        environment.provide(LOCKS[name], [digest(LOCKS[name])])
    except CommandError as error:
        raise AbsentError(error.detail) from error
    return environment.python


def node_modules(folder: Path) -> tuple[str, Path]:
    """Return node, and the folder in which sharp is installed.

    Raises:
        AbsentError: node or npm is missing, or npm failed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise AbsentError("there is no node, or no npm")
    place = folder / "sharp"
    place.mkdir(parents=True, exist_ok=True)
    wanted = [(_HERE / "sharp" / name).read_bytes() for name in _SHARP]
    marker = place / "installed"
    if marker.is_file() and marker.read_bytes() == b"".join(wanted):
        return node, place
    for name, content in zip(_SHARP, wanted, strict=True):
        (place / name).write_bytes(content)
    # npm takes exactly the locked packages, by their hashes; sharp's library is one of them.
    done = subprocess.run(
        (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"),
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_INSTALL_S,
        check=False,
    )
    if done.returncode:
        raise AbsentError(f"npm ci failed: {_last_line(done.stderr)}")
    marker.write_bytes(b"".join(wanted))
    return node, place


def mogrify() -> str:
    """Return the path of ImageMagick's mogrify.

    Raises:
        AbsentError: mogrify is missing, or is not that of ImageMagick.
    """
    path = shutil.which("mogrify")
    if path is None:
        raise AbsentError("there is no mogrify")
    version = subprocess.run(
        (path, "-version"), capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if not re.match(r"Version: ImageMagick \d", version.stdout):
        raise AbsentError(f"{path} is not ImageMagick's")
    return path


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "it printed nothing"
