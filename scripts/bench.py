"""Compares the speed of this system with programs that a user could write instead."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.bench")
