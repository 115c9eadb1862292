"""An answer in pieces that breaks if its source breaks."""

import logging
from collections.abc import AsyncIterable, AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from rayjobs.errors import RayJobsError

_log = logging.getLogger("api.requests")


class Streamed(StreamingResponse):
    """An answer in pieces that breaks if its source breaks: a client must not accept a half as the whole.

    At that moment the status is sent, so no problem can be sent. The server closes the connection before the
    last chunk, or before the declared length is reached.
    """

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        where = f"{scope['method']} {scope['path']}"
        self.body_iterator = _until_broken(self.body_iterator, where, scope["state"]["request_id"])
        await super().__call__(scope, receive, send)

    @override
    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except _BrokenError:
            return  # without the message that would end the body


class _BrokenError(Exception):
    """The source of the pieces broke; the log has the reason."""


async def _until_broken(
    pieces: AsyncIterable[str | bytes | memoryview], where: str, request_id: str
) -> AsyncIterator[str | bytes | memoryview]:
    """Yield the pieces; if the source breaks, log one line and raise `_BrokenError`."""
    sent = 0
    try:
        async for piece in pieces:
            yield piece
            sent += len(piece)
    except (RayJobsError, OSError) as error:  # of registry and store, or of a file of the store
        _log.warning("%s breaks off after %d bytes: %s", where, sent, error, extra={"request_id": request_id})
        raise _BrokenError from error
