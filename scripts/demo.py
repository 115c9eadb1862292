"""From nothing to filtered pictures in one go: deploys, loads, watches, judges, and ends what it started."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.demo")
