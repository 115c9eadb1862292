"""Dependencies of the routes: the core, the actor, a JSON body; and the JSON answer."""

from dataclasses import dataclass, field
from threading import Event
from typing import Annotated, Any

import orjson
from anyio import CapacityLimiter
from fastapi import Depends, Request, Response

from rayjobs.errors import BatchTooLargeError, InvalidRequestError, Problem
from rayjobs.ports import Registry, Store
from rayjobs.request.problems import shown
from rayjobs.service.estimates import Estimates
from rayjobs.service.previews import Previews
from rayjobs.service.queries import Queries
from rayjobs.service.render_pool import RenderPool
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings
from rayjobs_api.requests.body_stream import body_stream
from rayjobs_api.streaming.notifier import Notifier

_UPLOADS_AT_ONCE = 16
"""Uploads that hold a thread for as long as their clients take to send; the other routes have their own."""


@dataclass(frozen=True)
class Core:
    """The parts of the core that one application uses."""

    settings: Settings
    registry: Registry
    store: Store
    submissions: Submissions
    queries: Queries
    previews: Previews
    estimates: Estimates
    pool: RenderPool
    notifier: Notifier
    closing: Event
    """Set when the server is told to end: endless streams end then too."""
    upload_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_UPLOADS_AT_ONCE))


# It is async only because a change of threads costs time.
async def core_of(request: Request) -> Core:
    """Return the core of the application that has the request."""
    core: Core = request.app.state.core
    return core


async def actor_of(request: Request) -> str:
    """Return the actor of the request, which `access.authorize` noted."""
    actor: str = request.state.actor
    return actor


Actor = Annotated[str, Depends(actor_of)]
TheCore = Annotated[Core, Depends(core_of)]


async def read_body(request: Request, core: TheCore) -> bytearray:
    """Return a request's body; raises `BatchTooLargeError` at the first byte over the limit."""
    limit = core.settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit, int(declared))
    body = bytearray()
    async for chunk in body_stream(request, core.settings):
        body += chunk
        if len(body) > limit:
            raise _too_large(limit, len(body))
    return body


def _too_large(limit: int, actual: int) -> BatchTooLargeError:
    return BatchTooLargeError(
        f"The body has {actual} bytes or more, the limit is {limit} (RAYJOBS_MAX_BODY_BYTES); "
        'send a source of type "folder", or several batches.',
        limit=limit,
        actual=actual,
    )


def json_object(body: Annotated[bytearray, Depends(read_body)]) -> dict[str, Any]:
    """Return the body's JSON object, an empty one for no body; raises `InvalidRequestError`."""
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        # orjson takes no NaN and no Infinity, which JSON does not have.
        detail = f"The body is not JSON: {error}."
        raise InvalidRequestError(detail, [Problem("", "invalid_json", detail)]) from error
    if not isinstance(found, dict):
        detail = "The body is not a JSON object."
        raise InvalidRequestError(detail, [Problem("", "wrong_type", detail, actual=shown(found))])
    return found


JsonObject = Annotated[dict[str, Any], Depends(json_object)]


def answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer; the core's values are JSON already, so nothing converts them."""
    return Response(orjson.dumps(content), status, headers, "application/json")
