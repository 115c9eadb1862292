"""What a route may ask for: the core, a JSON body, a proof of the key."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from anyio import CapacityLimiter
from fastapi import Depends, Request, Response

from rayjobs.errors import BatchTooLargeError, InvalidRequestError, Problem, UnauthorizedError
from rayjobs.history import History
from rayjobs.intake import Intake
from rayjobs.ports import Registry, Store
from rayjobs.problems import shown
from rayjobs.settings import Settings

_UPLOADS_AT_ONCE = 16
"""Uploads that hold a thread for as long as their clients take to send; the other routes have their own."""


@dataclass(frozen=True)
class Core:
    """The core, as one application composed it."""

    settings: Settings
    registry: Registry
    store: Store
    intake: Intake
    history: History
    closing: Event = field(default_factory=Event)
    """Set when the server is told to end: streams that would go on for ever end too."""
    upload_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_UPLOADS_AT_ONCE))


# This one and `authorize` are async only so that they do not cost a change of threads.
async def core_of(request: Request) -> Core:
    """Return the core of the application that has the request."""
    core: Core = request.app.state.core
    return core


TheCore = Annotated[Core, Depends(core_of)]


async def read_body(request: Request, core: TheCore) -> bytearray:
    """Return a request's body; raises `BatchTooLargeError` at the first byte over the limit."""
    limit = core.settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit, int(declared))
    body = bytearray()
    async for chunk in request.stream():
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


async def authorize(request: Request, core: TheCore) -> None:
    """Let the request pass, or raise `UnauthorizedError`."""
    file = core.settings.api_keys_file
    if file is None:
        _refuse_strangers(request)
        return
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    digest = _digest(given)
    # Every key is compared, whichever fits, so that time says nothing.
    if not sum(hmac.compare_digest(digest, known) for known in known_keys(file)):
        raise UnauthorizedError("Send a key of RAYJOBS_API_KEYS_FILE as `Authorization: Bearer KEY`.")


def _refuse_strangers(request: Request) -> None:
    """Refuse what another site's page makes a browser send: without keys, nothing else would stop a purge."""
    headers, host = request.headers, request.url.hostname or ""
    if not _is_near(host):
        # A site can make its own name mean this machine (DNS rebinding), and is then of the same origin.
        raise UnauthorizedError(f"Without RAYJOBS_API_KEYS_FILE the API does not answer under {host}.")
    origin = headers.get("origin", "")
    by_browser = headers.get("sec-fetch-site")
    is_own = by_browser in ("same-origin", "none") or (
        by_browser is None and (not origin or urlsplit(origin).netloc == headers.get("host"))
    )
    if request.method != "GET" and not is_own:
        raise UnauthorizedError(f"A page of {origin or 'another site'} may not call this API.")


def _is_near(host: str) -> bool:
    """Whether a host is given by its address or by one word: names that no site can have."""
    with suppress(ValueError):
        return bool(ip_address(host))
    return "." not in host or host.endswith(".localhost")


def known_keys(file: Path) -> tuple[bytes, ...]:
    """Return the digests of the keys in a file, as it is now: keys can be changed while we run.

    Raises:
        UnauthorizedError: The file can't be read, or has no key.
    """
    try:
        keys = _read_keys(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise UnauthorizedError(f"RAYJOBS_API_KEYS_FILE can't be read: {error.strerror}.") from error
    if not keys:
        raise UnauthorizedError("RAYJOBS_API_KEYS_FILE has no key.")
    return keys


@lru_cache(maxsize=2)
def _read_keys(file: Path, _changed_ns: int) -> tuple[bytes, ...]:
    return tuple(_digests(file.read_text("utf-8").splitlines()))


def _digests(lines: list[str]) -> Iterator[bytes]:
    for line in lines:
        key = line.strip()
        if key and not key.startswith("#"):
            yield _digest(key)


def _digest(key: str) -> bytes:
    # Of one length whatever the key, so that comparing takes one time.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer; the core's objects are JSON as they are, so nothing walks them again."""
    return Response(orjson.dumps(content), status, headers, "application/json")
