"""Measures the system with a million items: speed, memory, latency, recovery from the loss of Redis."""

from rayjobs_cli.setup.bootstrap import start

if __name__ == "__main__":
    start("commands.scale")
