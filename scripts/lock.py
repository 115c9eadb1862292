"""Renews the locks from pyproject.toml: `python scripts/lock.py [--upgrade]`."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("development.lock", tools=True)
