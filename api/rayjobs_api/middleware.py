"""The middleware: gives each request an id, measures its time, logs it, and adds headers to its answer."""

import logging
import re
import time
import uuid

from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ID = re.compile(r"[\w.:-]{1,128}")
_log = logging.getLogger("api.requests")


class RequestLog:
    """Logs and measures each request; it is plain ASGI, so that streams pass unchanged."""

    def __init__(self, app: ASGIApp, seconds: Histogram) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began_s = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                self._note(scope, message["status"], time.perf_counter() - began_s)
            await send(message)

        await self._app(scope, receive, send_and_note)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The template has no `/v1`: the paths with and without it are one route.
        route = getattr(scope.get("route"), "path", "none")
        self._seconds.labels(scope["method"], route, status).observe(seconds)
        _log.log(
            logging.DEBUG if scope["method"] == "GET" else logging.INFO,
            "%s %s %d, %.1f ms",
            scope["method"],
            scope["path"],
            status,
            seconds * 1000,
            extra={"request_id": scope["state"]["request_id"]},
        )
