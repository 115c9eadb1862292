"""How a command ends: its exit status, and the one error that stops it.

Standard library only, and plain syntax: a Python that is too old for rayjobs reads this file, to report that.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ExitStatus(IntEnum):
    """The exit statuses that every command shares."""

    DONE = 0
    FAILED = 1
    """The work failed; the message says why."""
    USAGE = 2
    ENVIRONMENT = 3
    """The machine does not permit the work: a port is taken, the disk is full, nothing runs."""


class CommandError(Exception):
    """Why a command stops, for its user: a stable code, what happened, and the remedy."""

    def __init__(
        self, code: str, detail: str, remedy: str = "", status: ExitStatus = ExitStatus.ENVIRONMENT
    ) -> None:
        super().__init__(f"{detail} {remedy}".strip())
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.status = status

    def report(self, *, as_json: bool) -> ExitStatus:
        """Print the error on stderr, and as JSON on stdout on request; return the exit status."""
        print(f"error: {self}", file=sys.stderr)
        if as_json:
            error = {"code": self.code, "detail": self.detail, "remedy": self.remedy}
            print(json.dumps({"ok": False, "error": error}))
        return self.status


def conclude(work: Callable[[], ExitStatus], *, as_json: bool) -> ExitStatus:
    """Run a command's work, report the error that stops it, and return the exit status."""
    try:
        return work()
    except CommandError as error:
        return error.report(as_json=as_json)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        refusal = CommandError("system_refused", f"{place}{error.strerror or error}.")
        return refusal.report(as_json=as_json)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitStatus.FAILED
