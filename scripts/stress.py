"""Runs a load test on a system that runs: sends batches, shows them live, and checks every output."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.stress")
