"""The file that records what was deployed to which cluster, and its keys."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.local.plan import LOOPBACK
from rayjobs_cli.targets.local.state import ProcessId


class State(BaseModel):
    """All that a command needs to use a system on a cluster."""

    model_config = ConfigDict(frozen=True)

    context: str
    api_port: int
    """Port of this machine, like the next one."""
    dashboard_port: int
    api_key: str = ""
    ray_token: str = ""
    """The token that people enter in the Ray dashboard."""
    forwarder: ProcessId | None = None
    """The process that forwards the ports."""

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def dashboard_url(self) -> str:
        """Where the Ray dashboard answers."""
        return f"http://{LOOPBACK}:{self.dashboard_port}"


def state_file(folder: Path) -> Path:
    """Return the path of the state file."""
    return folder / "k8s.json"


def read(folder: Path) -> State | None:
    """Return what was deployed from a state directory; None if nothing was.

    Raises:
        CommandError: The file can't be read.
    """
    path = state_file(folder)
    try:
        return State.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        remedy = f"Remove {path} and deploy again: nothing on the cluster depends on it."
        raise CommandError("state_unreadable", f"{path} is no state file.", remedy) from error


def write(folder: Path, state: State) -> None:
    """Write the state; only its user can read the file."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "k8s.new"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(state.model_dump_json(indent=1))
    part.replace(state_file(folder))


def forget(folder: Path) -> None:
    """Remove the state file."""
    state_file(folder).unlink(missing_ok=True)
