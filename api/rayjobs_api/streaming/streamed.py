"""Answers that are sent while they are made."""

import logging
from collections.abc import AsyncIterable, AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from rayjobs.errors import RayJobsError

_log = logging.getLogger("api.requests")


class Streamed(StreamingResponse):
    """An answer in pieces that breaks where its source does: the client must not take the half for the whole.

    The status is sent by then, so there is no problem to answer with. The server closes the connection
    without the last chunk, or short of the length that was said.
    """

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        where = f"{scope['method']} {scope['path']}"
        self.body_iterator = _told(self.body_iterator, where, scope["state"]["request_id"])
        await super().__call__(scope, receive, send)

    @override
    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except _BrokenError:
            return  # without the message that would end the body


class _BrokenError(Exception):
    """The pieces ended before their end; it was told."""


async def _told(
    pieces: AsyncIterable[str | bytes | memoryview], where: str, request_id: str
) -> AsyncIterator[str | bytes | memoryview]:
    """Give the pieces; say in one line why there are no more, and raise `_BrokenError`."""
    sent = 0
    try:
        async for piece in pieces:
            yield piece
            sent += len(piece)
    except (RayJobsError, OSError) as error:  # of registry and store, or of a file of the store
        _log.warning("%s breaks off after %d bytes: %s", where, sent, error, extra={"request_id": request_id})
        raise _BrokenError from error
