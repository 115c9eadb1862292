"""Checks who may call: a client with a key; without keys, any client except a page of another site."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from rayjobs.errors import UnauthorizedError
from rayjobs.service.submissions import ANYBODY
from rayjobs_api.requests.dependencies import TheCore

_SHOWN = 8
"""Digits of a key's SHA-256 that the log shows: enough to distinguish keys, too few to find a key."""


_BEARER = HTTPBearer(scheme_name="bearer", description="A key of RAYJOBS_API_KEYS_FILE.", auto_error=False)
_HEADER = APIKeyHeader(name="X-API-Key", scheme_name="header", description="The same key.", auto_error=False)


# It is async only because a change of threads costs time.
async def authorize(
    request: Request,
    core: TheCore,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> None:
    """Accept the request and note its actor; raises `UnauthorizedError`."""
    file = core.settings.api_keys_file
    if file is None:
        _refuse_other_sites(request)
        request.state.actor = ANYBODY
        return
    digest = _digest(bearer.credentials.strip() if bearer else header or "")
    # Every key is compared, also after a match, so that the time shows nothing.
    if not sum(hmac.compare_digest(digest, known) for known in known_keys(file)):
        raise UnauthorizedError("Send a key of RAYJOBS_API_KEYS_FILE as `Authorization: Bearer KEY`.")
    request.state.actor = f"key:{digest.hex()[:_SHOWN]}"


def _refuse_other_sites(request: Request) -> None:
    """Refuse a request that a page of another site makes a browser send; without keys, only this stops it."""
    headers, host = request.headers, request.url.hostname or ""
    if not _is_local(host):
        # A site can point its own name at this machine (DNS rebinding); its page then has the same origin.
        raise UnauthorizedError(f"Without RAYJOBS_API_KEYS_FILE the API does not answer under {host}.")
    origin = headers.get("origin", "")
    by_browser = headers.get("sec-fetch-site")
    is_own = by_browser in ("same-origin", "none") or (
        by_browser is None and (not origin or urlsplit(origin).netloc == headers.get("host"))
    )
    if request.method != "GET" and not is_own:
        raise UnauthorizedError(f"A page of {origin or 'another site'} may not call this API.")


def _is_local(host: str) -> bool:
    """Return whether a host is an address or has no dot: no site can have such a name."""
    with suppress(ValueError):
        return bool(ip_address(host))
    return "." not in host or host.endswith(".localhost")


def known_keys(file: Path) -> tuple[bytes, ...]:
    """Return the digests of the keys in a file, as the file is now: keys may change at any time.

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
    # All digests have one length, so that every comparison takes the same time.
    return hashlib.sha256(key.encode("utf-8")).digest()
