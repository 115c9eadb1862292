"""`python -m rayjobs dispatcher | agent`: the composition root of both processes."""

import argparse
import os
import platform
import signal
import sys
import threading
import uuid

from rayjobs import log
from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.codec import FORMATS
from rayjobs.dispatcher.loop import Dispatcher
from rayjobs.entrypoints import slot
from rayjobs.errors import ExecutorLostError, LeaseLostError, SettingsError
from rayjobs.filters import known, plugins
from rayjobs.filters.plugins import announce
from rayjobs.record.layout import Record
from rayjobs.settings import Settings
from rayjobs.worker.agent import Agent


def main() -> int:
    """Run one process of the core until SIGTERM; 1 means: start me again, 3: the settings can't be used."""
    parser = argparse.ArgumentParser(prog="python -m rayjobs", description=__doc__)
    parser.add_argument("process", choices=("dispatcher", "agent"))
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="of the agent's worker")
    arguments = parser.parse_args()
    log.set_up()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        settings = Settings.read()
    except SettingsError as error:
        log.leaving("rayjobs", error)
        return 3
    if arguments.process == "agent":
        _agent(settings, arguments.slots).run(stop)
        return 0
    try:
        _dispatcher(settings).run(stop)
    except (ExecutorLostError, LeaseLostError) as error:
        log.leaving("rayjobs", error)
        return 1
    return 0


def _agent(settings: Settings, slots: int) -> Agent:
    announce(plugins())
    own = [each.name for each in plugins() if each.filter]
    capabilities = {"filters": list(known()), "plugins": own, "formats": list(FORMATS)}
    return Agent(RedisRegistry.connect(settings), settings, slots, capabilities)


def _dispatcher(settings: Settings) -> Dispatcher:
    from rayjobs.adapters.ray_executor import RayExecutor

    executor = RayExecutor(settings.ray_address, slot.run_chunk, slot.warm)
    executor.warm()
    holder = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    record = Record(FileStore(settings.store))
    return Dispatcher(RedisRegistry.connect(settings), record, executor, settings, holder)


if __name__ == "__main__":
    sys.exit(main())
