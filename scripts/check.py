"""Runs every check and test that needs no cluster; the last lines are the summary of the test runner."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("development.check", tools=True)
