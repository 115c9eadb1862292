"""`python -m rayjobs.entrypoints.engine`: the composition root of the nursery and of its engine processes.

It knows no service: neither Ray nor Redis is imported, and their addresses are not in its environment.
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
from rayjobs.errors import StoreUnavailableError
from rayjobs.filters import plugins
from rayjobs.filters.plugins import announce
from rayjobs.record.layout import OUTPUTS
from rayjobs.sandbox import Bounds, confine
from rayjobs.settings import Settings

logger = logging.getLogger(__name__)


def main() -> None:
    """Serve the slot at the other end of the socket that was named, until it ends."""
    parser = argparse.ArgumentParser(prog="python -m rayjobs.entrypoints.engine", description=__doc__)
    parser.add_argument("slot_pid", type=int, help="whose word on the board it writes")
    parser.add_argument("parts", help="prefix in the store below which files are begun")
    parser.add_argument("socket", type=int, help="file descriptor on which the slot asks")
    given = parser.parse_args()
    log.set_up()
    if hook := os.environ.get("RAYJOBS_ENGINE_HOOK"):  # for tests: a module that breaks a decoder
        importlib.import_module(hook)
    announce(plugins())  # read here: no engine process may have to
    settings = Settings()
    store = FileStore(settings.store, given.parts)
    fork_server.serve(given.socket, partial(_begin, settings, store, given.slot_pid))
    store.delete(given.parts)


def _begin(
    settings: Settings, store: FileStore, slot_pid: int, ends: list[int], order: dict[str, Any]
) -> NoReturn:
    """Be an engine process: give up what rendering does not need, then carry assignments out."""
    code = 1
    try:
        link = ChannelEnds.of(ends)
        faulthandler.enable(all_threads=False)
        writable = store.root / OUTPUTS
        writable.mkdir(parents=True, exist_ok=True)
        hand = SlotStatusWriter(settings.slot_status_folder, slot_pid, os.getpid())
        confined = confine(Bounds(order["memory_bytes"], writable))
        logger.log(confined.level, "engine process for slot %s: %s", slot_pid, confined)
        _serve(link, ItemPipeline(RenderContext(settings, store), hand, link.tell, settings.item_deadline_s))
    except EOFError:  # the slot wants no more of it, or has ended
        code = 0
    except BaseException:
        logger.exception("engine process failed")
    os._exit(code)  # a forked process must not go on where its parent was


def _serve(link: ChannelEnds, belt: ItemPipeline) -> None:
    """Carry assignments out until the slot closes its end, or leave after the item in hand at SIGTERM."""
    leave = threading.Event()
    busy = False

    def told_to_leave(*_: object) -> None:
        leave.set()
        if not busy:
            raise EOFError

    signal.signal(signal.SIGTERM, told_to_leave)
    while not leave.is_set():
        assignment = Assignment.of(link.control.recv_bytes())
        busy = True
        try:
            belt.carry_out(assignment, leave)
        except StoreUnavailableError as error:
            link.say(AWAY, error.detail)
        else:
            link.say(END)
        busy = False


if __name__ == "__main__":
    main()
