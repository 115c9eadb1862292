"""The API over a farm of this process, served on a socket of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.redis_server import free_port
from tests.support.system import System
from tests.support.waiting import wait_until


@contextmanager
def served(whole: System, settings: Settings) -> Iterator[str]:
    """Serve an API with the farm's registry; give its URL."""
    port = free_port()
    app = create_app(settings, whole.registry)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 10, "the API is served")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
