"""Thumbor: its server, with requests over connections that stay open."""

import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from rayjobs_cli.benchmark.peers.serving import Pair, Run, Work, processes, serve

_CONNECTIONS = 4
_START_S = 60.0
_POLL_S = 0.1
_SETTINGS = """\
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = "/"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = None
ALLOW_UNSAFE_URL = True
RESPECT_ORIENTATION = True
QUALITY = 85
MAX_PIXELS = 1_000_000_000
"""


class Connections:
    """The connections to a running server."""

    def __init__(self, port: int) -> None:
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        self._idle: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()
        for _ in range(_CONNECTIONS):
            self._idle.put(http.client.HTTPConnection("127.0.0.1", port))

    def work(self, run: Run) -> None:
        """Request every picture, and write the answers."""
        list(self._threads.map(self._one, run.pairs))

    def _one(self, pair: Pair) -> None:
        picture, output = pair
        connection = self._idle.get()
        try:
            path = quote(picture.lstrip("/"))
            connection.request("GET", f"/unsafe/fit-in/512x512/filters:format(jpeg):quality(85)/{path}")
            answer = connection.getresponse()
            content = answer.read()
        finally:
            self._idle.put(connection)
        if answer.status != http.client.OK:
            raise RuntimeError(f"{answer.status} for {picture}")
        Path(output).write_bytes(content)


@contextmanager
def started() -> Iterator[Work]:
    """Start the server of thumbor."""
    settings = Path("thumbor.conf")
    settings.write_text(_SETTINGS, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "thumbor.server", "-i", "127.0.0.1", "-p", str(port))
    options = ("-c", str(settings), "-l", "error", "--processes", str(processes()))
    with subprocess.Popen((*command, *options), start_new_session=True) as server:
        try:
            _await(port)
            yield Connections(port).work
        finally:
            # SIGTERM goes to the process group: the first process would leave the others running.
            os.killpg(server.pid, signal.SIGTERM)


def _await(port: int) -> None:
    pause, end = threading.Event(), time.monotonic() + _START_S
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        pause.wait(_POLL_S)
    raise TimeoutError("thumbor does not listen")


if __name__ == "__main__":
    serve(started())
