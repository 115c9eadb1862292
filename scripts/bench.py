"""Measures the speed of the running main job against what a user would write instead, in turns, as ratios."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.bench")
