"""`python -m rayjobs_api --host HOST --port PORT`: serve the API until SIGTERM."""

import argparse
import logging
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from rayjobs import log
from rayjobs.errors import RayJobsError
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from rayjobs_api.requests.access import known_keys

_GRACE_S = 8
"""Seconds that open requests have to end. The longest is a purge: it waits for a heartbeat."""


class _Server(uvicorn.Server):
    """A server that ends the endless streams when it stops; uvicorn alone would wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.core.closing.set()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve the API; return 0 at the end, or 3 if the settings are invalid."""
    parser = argparse.ArgumentParser(prog="python -m rayjobs_api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    log.set_up()
    try:
        app = _app(Settings.read())
    except RayJobsError as error:
        log.leaving("api", error)
        return 3
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,  # `middleware` logs more
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    _Server(config, app).run()
    return 0


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of uvicorn is new; `streaming` already logs why an answer broke off."""
    return record.msg != "ASGI callable returned without completing response."


def _app(settings: Settings) -> FastAPI:
    if settings.api_keys_file is not None:
        known_keys(settings.api_keys_file)
    return create_app(settings)


if __name__ == "__main__":
    sys.exit(main())
