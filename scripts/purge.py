"""Purges the system that runs, and waits until every worker is registered again."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.purge")
