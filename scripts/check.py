"""Runs every check and test that needs no cluster; the last lines are the test runner's summary."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("development.check", tools=True)
