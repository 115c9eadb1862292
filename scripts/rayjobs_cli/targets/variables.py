"""The settings that a user's environment holds, and what becomes of them in what a command starts.

Every one holds, or the command refuses it by name. A command that only speaks to a running system starts
nothing: of all settings only `RAYJOBS_API_KEYS_FILE` concerns it.
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
    "RAYJOBS_STORE": "--volume says where the store is.",
    "RAYJOBS_SAMPLES": "The sample pictures are part of the container image.",
    "RAYJOBS_ROOTS": "Put pictures into the folder rayjobs/pictures of the volume: it is a root.",
    "RAYJOBS_API_KEYS_FILE": "The keys are in the secret `api-keys`, one a line.",
    "RAYJOBS_WORKER_ID": "A worker there has the name of its pod.",
    "RAYJOBS_POD": "A worker there has the name of its pod.",
    "RAYJOBS_SLOT_STATUS": "It is a volume of each pod.",
    "RAYJOBS_LIVENESS": "A probe of the dispatcher's pod looks at it.",
}
"""Variables that can't hold on a cluster: why, and what to do in their place."""


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that an environment holds, by variable; one that is empty is none.

    Paths are made absolute: what is started has another current folder.
    """
    names = {variable(name): name for name in Settings.model_fields}
    return {one: _whole(names[one], environment[one]) for one in names if environment.get(one)}


def require_usable() -> None:
    """Refuse settings of this process's environment that no process can be started with.

    Raises:
        CommandError: Names each of them, with its value and what is wrong with it.
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
        environment: The user's.
        remedies: Variables that can't hold; what to do in the place of each.

    Raises:
        CommandError: Names those that are set.
    """
    found = [name for name in remedies if name in given(environment)]
    if found:
        told = " ".join(dict.fromkeys(remedies[name] for name in found))
        raise CommandError(
            "setting_has_no_place",
            f"{_set(found)}, and can't hold here.",
            f"{told} Unset it.",
            ExitStatus.USAGE,
        )


def require_same(running: Mapping[str, str], environment: Mapping[str, str], folder: Path) -> None:
    """Refuse settings that differ from those that a running system was started with.

    Raises:
        CommandError: Names them; not their values, some of which are secret.
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


def _whole(name: str, value: str) -> str:
    if name in _LISTS:
        return os.pathsep.join(str(Path(each).absolute()) for each in value.split(os.pathsep) if each)
    return str(Path(value).absolute()) if name in _PATHS and "://" not in value else value
