"""Sends heavy work to a running rayjobs, shows it live, and judges what came of it."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.stress")
