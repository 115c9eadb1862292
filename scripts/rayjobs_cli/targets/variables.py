"""Reads the settings of the user's environment, and refuses those that can't hold in what a command starts.

Every setting holds, or the command refuses it by name. A command that only calls a running system starts
nothing: of all settings it reads only `RAYJOBS_API_KEYS_FILE`.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rayjobs.errors import SettingsError
from rayjobs.settings import Settings, variable
from rayjobs_cli.exit_status import CommandError, ExitStatus

_LISTS = {"roots"}
"""Settings of several paths."""
_PATHS = {"store"} | {
    name for name, field in Settings.model_fields.items() if field.annotation in (Path, Path | None)
}
"""Settings of one path."""

ON_A_CLUSTER = {
    "REDIS_URL": "The system on a cluster has a Redis of its own.",
    "RAY_ADDRESS": "The system on a cluster has a Ray of its own.",
    "RAYJOBS_STORE": "--volume names the disk of the store.",
    "RAYJOBS_SAMPLES": "The sample pictures are part of the container image.",
    "RAYJOBS_ROOTS": "Put pictures into the folder rayjobs/pictures of the volume: it is a root.",
    "RAYJOBS_API_KEYS_FILE": "The keys are in the secret `api-keys`, one a line.",
    "RAYJOBS_WORKER_ID": "A worker there has the name of its pod.",
    "RAYJOBS_POD": "A worker there has the name of its pod.",
    "RAYJOBS_SLOT_STATUS": "It is a volume of each pod.",
    "RAYJOBS_LIVENESS": "A probe of the dispatcher's pod reads it.",
}
"""Variable that can't hold on a cluster -> the reason or the remedy."""


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an environment, by variable; an empty value counts as unset.

    Paths become absolute: the started processes have another current folder.
    """
    names = {variable(name): name for name in Settings.model_fields}
    return {one: _absolute(names[one], environment[one]) for one in names if environment.get(one)}


def require_usable() -> None:
    """Refuse settings of this process's environment that no process can start with.

    Raises:
        CommandError: It names each bad setting, its value and its fault.
    """
    try:
        Settings.read()
    except SettingsError as error:
        raise CommandError(
            "bad_setting", f"{error.detail}.", "Correct it, or unset it.", ExitStatus.USAGE
        ) from error


def refuse(environment: Mapping[str, str], remedies: Mapping[str, str]) -> None:
    """Refuse variables that can't hold in what a command starts.

    Args:
        environment: Of the user.
        remedies: Variable that can't hold -> the remedy.

    Raises:
        CommandError: It names those that are set.
    """
    found = [name for name in remedies if name in given(environment)]
    if found:
        advice = " ".join(dict.fromkeys(remedies[name] for name in found))
        raise CommandError(
            "setting_has_no_place",
            f"{_set(found)}, and can't hold here.",
            f"{advice} Unset it.",
            ExitStatus.USAGE,
        )


def require_same(running: Mapping[str, str], environment: Mapping[str, str], folder: Path) -> None:
    """Refuse settings that differ from those that a running system was started with.

    Raises:
        CommandError: It names the variables; not their values, because some are secret.
    """
    found = [name for name, value in given(environment).items() if running.get(name) != value]
    if found:
        raise CommandError(
            "settings_differ",
            f"{_set(found)}, and what runs under {folder} was started with another value.",
            "End it first (python scripts/deploy.py --down), or unset it.",
        )


def _set(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} are set" if others else f"{last} is set"


def _absolute(name: str, value: str) -> str:
    if name in _LISTS:
        return os.pathsep.join(str(Path(each).absolute()) for each in value.split(os.pathsep) if each)
    return str(Path(value).absolute()) if name in _PATHS and "://" not in value else value
