"""The command `rayjobs`: what the scripts of a clone do, for those who have installed the package."""

import argparse
import importlib
import sys
from importlib.metadata import version

_COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "up": ("rayjobs_cli.commands.deploy", ()),
    "down": ("rayjobs_cli.commands.deploy", ("--down",)),
    "demo": ("rayjobs_cli.commands.demo", ()),
}
"""Name -> module, imported when it is asked for so that `--version` answers at once; arguments of its own."""


def main() -> int:
    """Run the command that the first argument names; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="rayjobs",
        description=__doc__,
        epilog="example:\n  rayjobs up && rayjobs down",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rayjobs {version('rayjobs')}")
    parser.add_argument("command", choices=_COMMANDS, help="`rayjobs COMMAND --help` says what it takes")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own")
    given = parser.parse_args()
    module, own = _COMMANDS[given.command]
    status: int = importlib.import_module(module).main([*given.arguments, *own])
    return status


if __name__ == "__main__":
    sys.exit(main())
