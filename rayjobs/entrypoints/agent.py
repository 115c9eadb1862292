"""`python -m rayjobs.entrypoints.agent --slots N`: the composition root of an agent."""

import argparse
import os

from rayjobs import log
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.codec import FORMATS
from rayjobs.entrypoints.process import read_settings, stop_at_signals
from rayjobs.filters import known, plugins
from rayjobs.filters.plugins import announce
from rayjobs.settings import Settings
from rayjobs.worker.agent import Agent


def main() -> None:
    """Register the worker of this machine, and keep it registered until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m rayjobs.entrypoints.agent", description=__doc__)
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="number of the worker's slots")
    arguments = parser.parse_args()
    log.set_up()
    stop = stop_at_signals()
    _agent(read_settings(), arguments.slots).run(stop)


def _agent(settings: Settings, slots: int) -> Agent:
    announce(plugins())
    own = [each.name for each in plugins() if each.filter]
    capabilities = {"filters": list(known()), "plugins": own, "formats": list(FORMATS)}
    return Agent(RedisRegistry.connect(settings), settings, slots, capabilities)


if __name__ == "__main__":
    main()
