"""Starts rayjobs, runs a load test on it, shows both live, and ends what it started."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.demo")
