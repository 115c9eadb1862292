"""How a command ends before it could begin. Also read by a Python that is too old for everything else."""

import json
import sys
from typing import NoReturn


class SetupError(Exception):
    """Why there is no environment, for the user: a stable code, what happened, and what to do."""

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        super().__init__(code, detail, remedy)
        self.code = code
        self.detail = detail
        self.remedy = remedy

    def end(self) -> NoReturn:
        """Tell of it, as JSON too if that was asked for, and end the command with status 3."""
        print(f"error: {self.detail} {self.remedy}", file=sys.stderr)
        if "--json" in sys.argv:
            told = {"code": self.code, "detail": self.detail, "remedy": self.remedy}
            print(json.dumps({"ok": False, "error": told}))
        sys.exit(3)
