"""How a command ends: its exit status, and the one error that a user is told of."""

import json
import sys
from collections.abc import Callable
from enum import IntEnum

from typing_extensions import override


class ExitStatus(IntEnum):
    """The exit statuses that every command shares."""

    DONE = 0
    FAILED = 1
    """The work failed; the message says what."""
    USAGE = 2
    ENVIRONMENT = 3
    """The machine can't: port taken, no space, nothing running."""


class CommandError(Exception):
    """What stopped a command, for its user: a stable code, what happened, and what to do."""

    def __init__(
        self, code: str, detail: str, remedy: str = "", status: ExitStatus = ExitStatus.ENVIRONMENT
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.status = status

    @override
    def __str__(self) -> str:
        return f"{self.detail} {self.remedy}".strip()


def conclude(work: Callable[[], ExitStatus], *, as_json: bool) -> int:
    """Run a command's work and return its exit status, telling of the error that stopped it."""
    try:
        return work()
    except CommandError as error:
        return _tell(error, as_json=as_json)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        refused = CommandError("system_refused", f"{place}{error.strerror or error}.")
        return _tell(refused, as_json=as_json)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitStatus.FAILED


def _tell(error: CommandError, *, as_json: bool) -> ExitStatus:
    print(f"error: {error}", file=sys.stderr)
    if as_json:
        told = {"code": error.code, "detail": error.detail, "remedy": error.remedy}
        print(json.dumps({"ok": False, "error": told}))
    return error.status
