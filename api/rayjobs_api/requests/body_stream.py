"""Reads a request's body while it arrives; a client may be slow on purpose."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import anyio
from fastapi import HTTPException, Request

from rayjobs.settings import Settings

_LEAST_BYTES_PER_S = 1024
"""A tenth of the slowest mobile network. A lower limit would let a small body hold a connection for hours."""


async def body_stream(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they arrive.

    Raises:
        HTTPException: 408, and the connection closes. A piece took longer than `RAYJOBS_BODY_SILENCE_S`, or
            the whole body longer than that time and one second for each KiB.
    """
    silence_s = settings.body_silence_s
    waited_s, received = 0.0, 0
    pieces = aiter(request.stream())
    while True:
        left_s = silence_s + received / _LEAST_BYTES_PER_S - waited_s
        asked_at = anyio.current_time()
        try:
            with anyio.fail_after(min(silence_s, left_s)):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            detail = (
                f"After {received} bytes the body came too slowly: send the next within {silence_s:g} s "
                f"(RAYJOBS_BODY_SILENCE_S), and {_LEAST_BYTES_PER_S} bytes a second in all."
            )
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from error
        waited_s += anyio.current_time() - asked_at
        received += len(piece)
        yield piece
