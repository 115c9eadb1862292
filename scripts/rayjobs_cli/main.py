"""The command `rayjobs`: starts and ends a system, and shows one at work."""

import argparse
import importlib
import sys
from importlib.metadata import version

_COMMANDS = {
    "up": ("deploy", "up", "start rayjobs on this machine or on a cluster"),
    "down": ("deploy", "down", "end what `up` started; outputs stay"),
    "demo": ("demo", "main", "start rayjobs, show it at work on photographs, and end it"),
}
"""Name -> module, its function, and a summary. Modules are imported late: `--version` answers at once."""


def main() -> int:
    """Run the command that the first argument names; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="rayjobs",
        description="Start and end rayjobs, and show it at work.",
        epilog="commands:\n"
        + "\n".join(f"  {name:<6}{summary}" for name, (_, _, summary) in _COMMANDS.items())
        + "\n\n`rayjobs COMMAND --help` lists the options of a command.\n"
        "\nexample:\n  rayjobs up && rayjobs down",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rayjobs {version('rayjobs')}")
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help=", ".join(_COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="options of the command")
    given = parser.parse_args()
    module, function, _ = _COMMANDS[given.command]
    run = getattr(importlib.import_module(f"rayjobs_cli.commands.{module}"), function)
    status: int = run(given.arguments, program=f"rayjobs {given.command}")
    return status


if __name__ == "__main__":
    sys.exit(main())
