"""`python -m rayjobs.entrypoints.engine`: the composition root of the fork server and its engine processes.

The program knows no service: it imports neither Ray nor Redis, and its environment lacks their addresses.
"""

import argparse
import faulthandler
import importlib
import logging
import os
import signal
import threading
from functools import partial
from typing import Any, NoReturn

from rayjobs import log
from rayjobs.adapters.file_store import FileStore
from rayjobs.engine.assignment import Assignment
from rayjobs.engine.attempt import RenderContext
from rayjobs.engine.process import fork_server
from rayjobs.engine.process.channel import AWAY, END, ChannelEnds
from rayjobs.engine.process.item_pipeline import ItemPipeline
from rayjobs.engine.slot_status import SlotStatusWriter
from rayjobs.entrypoints.process import read_settings
from rayjobs.errors import StoreUnavailableError
from rayjobs.filters import plugins
from rayjobs.filters.plugins import announce
from rayjobs.record.layout import OUTPUTS
from rayjobs.sandbox import Bounds, confine
from rayjobs.settings import Settings

logger = logging.getLogger(__name__)


def main() -> None:
    """Fork engine processes for the slot at the other end of the socket, until the slot ends."""
    parser = argparse.ArgumentParser(prog="python -m rayjobs.entrypoints.engine", description=__doc__)
    parser.add_argument("slot_pid", type=int, help="the slot whose status the engine writes")
    parser.add_argument("parts", help="prefix in the store for files that are not complete yet")
    parser.add_argument("socket", type=int, help="file descriptor that the slot's requests come from")
    given = parser.parse_args()
    log.set_up()
    if hook := os.environ.get("RAYJOBS_ENGINE_HOOK"):  # for tests: a module that breaks a decoder
        importlib.import_module(hook)
    announce(plugins())  # read before the first fork, so that no engine process reads them again
    settings = read_settings()
    store = FileStore(settings.store, given.parts)
    fork_server.serve(given.socket, partial(_begin, settings, store, given.slot_pid))
    store.delete(given.parts)


def _begin(
    settings: Settings, store: FileStore, slot_pid: int, ends: list[int], options: dict[str, Any]
) -> NoReturn:
    """Run an engine process: give up what rendering does not need, then carry assignments out."""
    code = 1
    try:
        channel = ChannelEnds.of(ends)
        faulthandler.enable(all_threads=False)
        writable = store.root / OUTPUTS
        writable.mkdir(parents=True, exist_ok=True)
        status_writer = SlotStatusWriter(settings.slot_status_folder, slot_pid, os.getpid())
        confined = confine(Bounds(options["memory_bytes"], writable))
        logger.log(confined.level, "engine process for slot %s: %s", slot_pid, confined)
        context = RenderContext(settings, store)
        _serve(channel, ItemPipeline(context, status_writer, channel.report, settings.item_deadline_s))
    except EOFError:  # the slot has closed its end, or has ended
        code = 0
    except BaseException:
        logger.exception("engine process failed")
    os._exit(code)  # a forked process must not return into its parent's code


def _serve(channel: ChannelEnds, pipeline: ItemPipeline) -> None:
    """Carry assignments out until the slot closes its end; at SIGTERM, end behind the item in hand."""
    leave = threading.Event()
    busy = False

    def leave_at_signal(*_: object) -> None:
        leave.set()
        if not busy:
            raise EOFError

    signal.signal(signal.SIGTERM, leave_at_signal)
    while not leave.is_set():
        assignment = Assignment.of(channel.control.recv_bytes())
        busy = True
        try:
            pipeline.carry_out(assignment, leave)
        except StoreUnavailableError as error:
            channel.send(AWAY, error.detail)
        else:
            channel.send(END)
        busy = False


if __name__ == "__main__":
    main()
