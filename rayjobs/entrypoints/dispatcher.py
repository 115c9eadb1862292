"""`python -m rayjobs.entrypoints.dispatcher`: the composition root of the dispatcher."""

import os
import platform
import sys
import uuid

from rayjobs import log
from rayjobs.adapters.file_store import FileStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.dispatcher.loop import Dispatcher
from rayjobs.entrypoints import slot
from rayjobs.entrypoints.process import START_AGAIN, read_settings, stop_at_signals
from rayjobs.errors import ExecutorLostError, LeaseLostError
from rayjobs.record.layout import Record
from rayjobs.settings import Settings


def main() -> int:
    """Dispatch until SIGTERM; return the exit status."""
    log.set_up()
    stop = stop_at_signals()
    settings = read_settings()
    try:
        _dispatcher(settings).run(stop)
    except (ExecutorLostError, LeaseLostError) as error:
        log.leaving("rayjobs", error)
        return START_AGAIN
    return 0


def _dispatcher(settings: Settings) -> Dispatcher:
    from rayjobs.adapters.ray_executor import RayExecutor

    executor = RayExecutor(settings.ray_address, slot.run_chunk, slot.warm)
    executor.warm()
    holder = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    record = Record(FileStore(settings.store))
    return Dispatcher(RedisRegistry.connect(settings), record, executor, settings, holder)


if __name__ == "__main__":
    sys.exit(main())
