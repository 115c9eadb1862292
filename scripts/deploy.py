"""Starts rayjobs on this machine or a cluster, waits until it is ready, and prints its addresses."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.deploy")
