"""Installs a lock into an environment, with uv if it is installed, else with pip; standard library only.

Both install exactly the pinned files, by their hashes, and compile nothing: no compiler is needed.
"""

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.setup.progress import Progress

_SOURCE_ONLY = "pyvips", "derpconf"
"""Packages without wheels. Both are plain Python (the library of pyvips is a wheel of its own), built without
isolation: the locked setuptools builds them, and no package that could compile is installed then.
"""
_ENTRY = re.compile(r"^(?=[\w.-]+==)", re.MULTILINE)
_STRICT = ("--require-hashes", "--no-deps")
_WHEELS = ("--only-binary", ":all:")
_SOURCES = ("--no-build-isolation",)
_OURS = ("--no-deps", "--no-build-isolation", "--editable")
"""The project itself: a change of its code needs no new installation."""
_QUIET = ("--no-input", "--no-user", "--no-compile", "--progress-bar", "off", "--disable-pip-version-check")
_POLL_S = 0.25
_TAIL_LINES = 60
_SHOWN = 200
"""Characters of the tool's line that an error quotes."""

_PACKAGES = ("lib/python*/site-packages/*.dist-info", "Lib/site-packages/*.dist-info")

_UNREACHED = (
    r"name resolution|name or service|getaddrinfo|nodename|dns error|unreachable|timed out|ProxyError"
    r"|NewConnection|connection (refused|reset|aborted|error)|error sending request"
)
_CAUSES = (
    (
        r"no space left|os error (28|112)\b|not enough space",
        "no_space",
        "The disk is full.",
        "Free at least 1 GB, then try again.",
    ),
    (
        "do not match the hashes|hash mismatch",
        "hash_mismatch",
        "A package is not the one that the lock names.",
        "Clear the installer's cache (pip cache purge, or uv cache clean), and check your mirror.",
    ),
    (
        _UNREACHED,
        "no_network",
        "The package index can't be reached.",
        "Check the network, and the proxy or index that pip is set to, then try again.",
    ),
    (
        "no matching distribution|has no wheels|no wheels with",
        "no_package",
        "There is no build of a package for this machine.",
        "Use a 64-bit CPython 3.11, 3.12 or 3.13.",
    ),
)
"""Pattern of a tool's line, code, detail and remedy; the first match counts."""
_FINAL = ("hash_mismatch", "no_space")
"""Errors that another tool would meet too."""


@dataclass(frozen=True)
class _Tool:
    command: tuple[str, ...]
    fetched: str
    """Pattern of a line that reports one more fetched file."""


def install(python: Path, lock: Path, progress: Progress, project: Path | None = None) -> int:
    """Install the packages of `lock`, and then a project, into the environment of `python`.

    Returns:
        The number of packages in the environment.

    Raises:
        CommandError: No tool could install them.
    """
    output = ""
    with TemporaryDirectory() as folder:
        parts = _parts(lock, Path(folder))
        if project is not None:
            parts.append((*_OURS, str(project)))
        for tool in _tools(python):
            run = _Run(tool, python, progress)
            if all(map(run.succeeds, parts)):
                return _installed(python)
            output = run.output
            if diagnosis(output).code in _FINAL:
                break
    raise diagnosis(output)


def _parts(lock: Path, folder: Path) -> list[tuple[str, ...]]:
    """Return the arguments of the tool: for the packages from wheels, then for those that are built."""
    entries = _ENTRY.split(lock.read_text(encoding="utf-8"))
    sources = [entry for entry in entries if entry.partition("==")[0] in _SOURCE_ONLY]
    wheels = [entry for entry in entries if entry not in sources]
    parts: list[tuple[str, ...]] = []
    for name, options, chosen in (("wheels", _WHEELS, wheels), ("sources", _SOURCES, sources)):
        if chosen:
            part = folder / f"{name}.txt"
            part.write_text("".join(chosen), encoding="utf-8")
            parts.append((*_STRICT, *options, "-r", str(part)))
    return parts


def _tools(python: Path) -> Iterator[_Tool]:
    uv = shutil.which("uv")
    if uv:
        yield _Tool((uv, "pip", "install", "--python", str(python)), " *Downloaded ")
    # Reached without uv, and after uv failed: pip may be set to a mirror or a proxy that uv does not know.
    _require_pip(python)
    fetched = r" *(Downloading|Using cached|Processing) (?!.*\.metadata)"
    yield _Tool((str(python), "-m", "pip", "install", *_QUIET), fetched)


def _require_pip(python: Path) -> None:
    done = subprocess.run(
        (str(python), "-m", "ensurepip"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        error = diagnosis(done.stdout)
        if error.code in _FINAL:
            raise error
        raise CommandError(
            "no_pip",
            "This Python has no pip.",
            "Install it (Debian, Ubuntu: apt-get install python3-venv), or install uv, then try again.",
        )


class _Run:
    """A run of a tool; shows how many packages it has fetched and installed."""

    def __init__(self, tool: _Tool, python: Path, progress: Progress) -> None:
        self._tool = tool
        self._python = python
        self._progress = progress
        self._fetched = 0
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)

    @property
    def output(self) -> str:
        """The last lines that the tool printed."""
        return "".join(self._lines)

    def succeeds(self, arguments: Sequence[str]) -> bool:
        """Return whether the tool could install what these arguments name."""
        with (
            subprocess.Popen(
                (*self._tool.command, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            ) as process,
            ThreadPoolExecutor(1) as reader,
        ):
            reading = reader.submit(self._read, process.stdout or ())
            try:
                while not wait([reading], timeout=_POLL_S).done:
                    self._progress.update(
                        f"{self._fetched} packages fetched, {_installed(self._python)} installed"
                    )
            except KeyboardInterrupt:
                process.kill()
                raise
        return process.returncode == 0

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._lines.append(line)
            self._fetched += bool(re.match(self._tool.fetched, line))


def _installed(python: Path) -> int:
    folder = python.parents[1]
    return sum(1 for pattern in _PACKAGES for _ in folder.glob(pattern))


def diagnosis(output: str) -> CommandError:
    """Return the error that the last lines of a tool describe."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern, code, detail, remedy in _CAUSES:
        for line in lines:
            if re.search(pattern, line, re.IGNORECASE):
                return CommandError(code, f"{detail} ({line[:_SHOWN]})", remedy)
    last = lines[-1] if lines else "no output"
    return CommandError(
        "install_failed", f"The packages were not installed: {last[:_SHOWN]}", "Delete .venv and try again."
    )
