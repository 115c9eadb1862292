"""Puts a command on its feet: any Python from 3.11, nothing installed, any platform.

A script under `scripts/` is a door: it names a command of this package, and does nothing else.

    from rayjobs_cli.setup.bootstrap import start

    if __name__ == "__main__":
        start("commands.deploy")

The first run makes `.venv` from the lock, with this project installed in it, and starts the command again
inside of it; a later one finds the environment's stamp and goes on at once. All that people read goes to
stderr: stdout is the command's.
"""

import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rayjobs_cli.setup.setup_error import SetupError

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python reads down to here, and no further
    SetupError(
        "python_too_old",
        "Python 3.11 or newer is needed; this is {}.{}.{}.".format(*sys.version_info),
        f"Use a newer one, for example: python3.11 {sys.argv[0]}",
    ).end()

import tomllib

from rayjobs_cli.setup.environment import Environment

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "scripts" / "requirements.lock"
"""What the product needs."""
LOCK_WITH_TOOLS = ROOT / "scripts" / "requirements-dev.lock"
"""The same, at the same versions, and what its development needs."""


def start(command: str, *, tools: bool = False) -> NoReturn:
    """Run a command of this package inside of its environment, and end with its exit status.

    Args:
        command: The command's module, below `rayjobs_cli`.
        tools: Whether the command needs what the development needs too.
    """
    enter(tools=tools)
    del sys.path[0]  # the folder of the scripts: their names are not to hide anybody's modules
    sys.exit(importlib.import_module(f"rayjobs_cli.{command}").main())


def enter(*, tools: bool = False) -> None:
    """Return inside of an environment that holds what the lock names; if need be, make it and start again.

    Args:
        tools: Whether the command needs what the development needs too.
    """
    _speak_utf8()
    locks = [LOCK_WITH_TOOLS] if tools else [LOCK, LOCK_WITH_TOOLS]
    digests = [digest(lock) for lock in locks]
    if Environment(Path(sys.prefix)).is_running(digests):
        return
    environment = Environment(ROOT / ".venv", ROOT)
    try:
        environment.provide(locks[0], digests)
        _restart(environment.python)
    except SetupError as error:
        error.end()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(1)


def _speak_utf8() -> None:
    # Windows, and Linux in the C locale, would otherwise fail on the first character that they lack.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def digest(lock: Path) -> str:
    """Return what tells one environment from another: its lock, and how the project is installed."""
    # Git may check a file out with other line ends: the lock is still the same.
    content = lock.read_bytes().replace(b"\r\n", b"\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = {name: project.get(name) for name in ("build-system", "project")}
    return hashlib.sha256(content + json.dumps(installed, sort_keys=True).encode()).hexdigest()


def _restart(python: Path) -> NoReturn:
    command = [str(python), *sys.argv]
    if os.name == "posix":
        os.execv(python, command)  # noqa: S606 - signals and exit status are the command's own this way
    # Windows has no exec. Ctrl-C reaches both processes there: this one only waits for the other's status.
    with subprocess.Popen(command) as child:
        while True:
            with suppress(KeyboardInterrupt):
                sys.exit(child.wait())
