"""The state file: what runs under a state directory, written by the supervisor, read by every command."""

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.local.plan import Plan

SCHEMA = 1
"""Grows when an older release could misread the file."""

Phase = Literal["waiting", "starting", "ready"]


class ProcessId(BaseModel):
    """The identity of a process: a later process with the same number has another start time."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float
    """Start time of the system in seconds since the epoch."""


class Status(BaseModel):
    """The status of one service."""

    model_config = ConfigDict(frozen=True)

    phase: Phase = "waiting"
    process: ProcessId | None = None
    restarts: int = 0
    last_end: str | None = None
    """Why the service was last restarted; None before."""


class State(BaseModel):
    """All that a command needs to use a stack, and to end it."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA
    plan: Plan
    supervisor: ProcessId
    services: dict[str, Status] = {}
    """By name, in the order of their start."""

    @property
    def ready(self) -> bool:
        """Whether every service is ready."""
        return bool(self.services) and all(one.phase == "ready" for one in self.services.values())

    @property
    def pids(self) -> dict[str, int]:
        """Process number of each part that runs."""
        running = {name: one.process.pid for name, one in self.services.items() if one.process}
        return {"supervisor": self.supervisor.pid, **running}


def state_file(folder: Path) -> Path:
    """Return the path of the state file of a state directory."""
    return folder / "state.json"


def read(folder: Path) -> State | None:
    """Return what runs, or ran, under a state directory; None if nothing was started there.

    Raises:
        CommandError: The file can't be read, so no action is safe.
    """
    path = state_file(folder)
    remedy = f"Check what still runs, then remove {path}."
    try:
        text = path.read_text(encoding="utf-8")
        version = json.loads(text)["schema_version"]
        if version > SCHEMA:
            newer = f"{path} was written by a newer release (schema {version}, known here: {SCHEMA})."
            raise CommandError("state_newer", newer, "Use that release to stop it.")
        return State.model_validate_json(text)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError("state_unreadable", f"{path} can't be read: {error}.", remedy) from error
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise CommandError("state_unreadable", f"{path} is no state file.", remedy) from error


def create(folder: Path, state: State) -> bool:
    """Write the first state; return False when another deploy was faster."""
    new = _fill(folder, state, f"state.{os.getpid()}.new")
    try:
        # Race: unlike a rename, a link never replaces what another deploy wrote.
        os.link(new, state_file(folder))
    except FileExistsError:
        return False
    finally:
        new.unlink()
    return True


def write(folder: Path, state: State) -> None:
    """Replace the state as a whole: a reader sees the old or the new one."""
    _fill(folder, state, "state.new").replace(state_file(folder))


def _fill(folder: Path, state: State, name: str) -> Path:
    path = folder / name
    # The state holds the password of Redis: nobody else may read it, not even for a moment.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(state.model_dump_json(indent=1))
    return path
