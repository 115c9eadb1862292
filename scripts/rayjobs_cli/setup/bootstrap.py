"""Starts a command inside its environment, from any Python from 3.11 and with nothing installed.

A script under `scripts/` is a door: the script names a command of this package, and does nothing else.

    from rayjobs_cli.setup.bootstrap import start

    if __name__ == "__main__":
        start("commands.deploy")

The first run makes `.venv` from the lock, installs this project in it, and starts the command again inside
it. A later run finds the stamp of the environment and starts the command at once. Text for people goes to
stderr: stdout belongs to the command.
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

from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python executes the lines above, and stops here
    sys.exit(
        CommandError(
            "python_too_old",
            "Python 3.11 or newer is needed; this is {}.{}.{}.".format(*sys.version_info),
            f"Use a newer one, for example: python3.11 {sys.argv[0]}",
        ).report(as_json="--json" in sys.argv)
    )

import tomllib

from rayjobs_cli.setup.environment import Environment

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "scripts" / "requirements.lock"
"""The packages of the product."""
LOCK_WITH_TOOLS = ROOT / "scripts" / "requirements-dev.lock"
"""The same packages at the same versions, and the tools of the development."""


def start(command: str, *, tools: bool = False) -> NoReturn:
    """Run a command of this package inside its environment, and end with its exit status.

    Args:
        command: The command's module, below `rayjobs_cli`.
        tools: Whether the command needs the tools of the development.
    """
    enter(tools=tools)
    del sys.path[0]  # the folder of the scripts: a script must not hide a module of the same name
    sys.exit(importlib.import_module(f"rayjobs_cli.{command}").main())


def enter(*, tools: bool = False) -> None:
    """Return inside an environment with the locked packages; if needed, make it and start again in it.

    Args:
        tools: Whether the command needs the tools of the development.
    """
    _speak_utf8()
    locks = [LOCK_WITH_TOOLS] if tools else [LOCK, LOCK_WITH_TOOLS]
    digests = [digest(lock) for lock in locks]
    if Environment(Path(sys.prefix)).is_running(digests):
        return
    environment = Environment(ROOT / ".venv", ROOT)

    def prepare() -> ExitStatus:
        environment.provide(locks[0], digests)
        return ExitStatus.DONE

    if status := conclude(prepare, as_json="--json" in sys.argv):
        sys.exit(status)
    _restart(environment.python)


def _speak_utf8() -> None:
    # Without this, Windows and Linux in the C locale fail on the first character that their encoding lacks.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def digest(lock: Path) -> str:
    """Return the digest of a lock and of how the project is installed: the identity of an environment."""
    # Git may write a file with other line ends: the lock is still the same.
    content = lock.read_bytes().replace(b"\r\n", b"\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = {name: project.get(name) for name in ("build-system", "project")}
    return hashlib.sha256(content + json.dumps(installed, sort_keys=True).encode()).hexdigest()


def _restart(python: Path) -> NoReturn:
    command = [str(python), *sys.argv]
    if os.name == "posix":
        os.execv(python, command)  # noqa: S606 - the command itself gets the signals and sets the exit status
    # Windows has no exec. Ctrl-C reaches both processes there: this one only waits for the other's status.
    with subprocess.Popen(command) as child:
        while True:
            with suppress(KeyboardInterrupt):
                sys.exit(child.wait())
