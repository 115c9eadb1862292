"""Finds the browser that tests the dashboard, and installs it on a Debian machine for tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rayjobs_cli.console import Say

REMEDY = "Install Chromium or Chrome (Debian: apt-get install chromium), then try again."

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_MAC_APPLICATIONS = (
    "Chromium.app/Contents/MacOS/Chromium",
    "Google Chrome.app/Contents/MacOS/Google Chrome",
)
_WINDOWS_PROGRAMS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
_WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")


def find_chromium() -> Path | None:
    """Return the program of Chromium or of a browser that is built from it, None without one."""
    return next((path for path in _candidates() if path.is_file()), None)


def provide_chromium(say: Say) -> Path | None:
    """Return the program of the browser; on a Debian machine for tests, install it when it is missing."""
    found = find_chromium()
    if found is None and (prefix := _installer()) is not None:
        say("No Chromium here: installing Debian's")
        _install(prefix)
        found = find_chromium()
    return found


def _candidates() -> Iterator[Path]:
    for command in _COMMANDS:
        if path := shutil.which(command):
            yield Path(path)
    if sys.platform == "darwin":
        for name in _MAC_APPLICATIONS:
            yield Path("/Applications") / name
    for variable in _WINDOWS_FOLDERS:
        if folder := os.environ.get(variable):
            yield from (Path(folder) / name for name in _WINDOWS_PROGRAMS)


def _installer() -> tuple[str, ...] | None:
    """Return the command of apt-get that asks nothing, None where this process may not install."""
    if sys.platform == "linux" and shutil.which("apt-get"):
        if os.geteuid() == 0:
            return ("apt-get",)
        if in_ci() and shutil.which("sudo"):
            return ("sudo", "--non-interactive", "apt-get")
    return None


def in_ci() -> bool:
    """Return whether this machine runs the checks of CI, where no test may be skipped."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def _install(command: tuple[str, ...]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
        # If it fails, its own messages say why; the caller checks afterwards whether there is a browser.
        subprocess.run(
            (*command, "--quiet", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env=environment,
            check=False,
        )
