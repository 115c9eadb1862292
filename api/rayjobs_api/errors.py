"""Answers errors as `application/problem+json` (RFC 9457); only this module maps errors to statuses."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import InitErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount

from rayjobs import errors as core
from rayjobs.errors import BackendError, Problem, RayJobsError
from rayjobs.request.problems import problems_of, shown

STATUSES: dict[type[RayJobsError], HTTPStatus] = {
    core.RequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    core.BatchTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    core.NotFoundError: HTTPStatus.NOT_FOUND,
    core.ConflictError: HTTPStatus.CONFLICT,
    core.UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    # A client gets an error of an item directly from a preview, and from an upload that can't be stored.
    core.ItemError: HTTPStatus.UNPROCESSABLE_ENTITY,
    core.SourceTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    core.OutputNoSpaceError: HTTPStatus.INSUFFICIENT_STORAGE,
    core.OutputDeniedError: HTTPStatus.SERVICE_UNAVAILABLE,
    BackendError: HTTPStatus.SERVICE_UNAVAILABLE,
    core.QueueFullError: HTTPStatus.TOO_MANY_REQUESTS,
    core.PreviewsBusyError: HTTPStatus.TOO_MANY_REQUESTS,
    core.RecordUnreadableError: HTTPStatus.INTERNAL_SERVER_ERROR,
    RayJobsError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Status of each error class; a class that is not here has the status of its nearest ancestor."""

_FRAMEWORK_TITLES = {
    HTTPStatus.METHOD_NOT_ALLOWED: "The path does not allow this method; `Allow` lists those that it allows.",
    HTTPStatus.REQUEST_TIMEOUT: "The request body came too slowly.",
}
"""Titles of the errors that no route raises; their code is the name of the status."""

MEDIA_TYPE = "application/problem+json"
_KINDS = {"batch_id": "batch", "index": "item", "name": "preset", "worker_id": "worker"}
"""The kind of thing that each path parameter names."""
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

_log = logging.getLogger("api")


def status_of(kind: type[RayJobsError]) -> HTTPStatus:
    """Return the HTTP status of an error class."""
    return next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)


def codes() -> dict[str, dict[str, Any]]:
    """Return each code with its title and its status; the code of an item error has `retryable` instead."""
    found: dict[str, dict[str, Any]] = {}
    for kind in _family(core.RequestError, BackendError):
        found[kind.code] = {"title": _title(kind), "status": status_of(kind).value}
    for status, title in _FRAMEWORK_TITLES.items():
        found[status.name.lower()] = {"title": title, "status": status.value}
    found[RayJobsError.code] = {
        "title": "An error in rayjobs itself; the log contains the request id.",
        "status": HTTPStatus.INTERNAL_SERVER_ERROR.value,
    }
    for code, kind in core.ITEM_ERRORS.items():
        found.setdefault(code, {"title": _title(kind), "retryable": kind.retryable})
    return found


def _family(*kinds: type[RayJobsError]) -> Iterator[type[RayJobsError]]:
    for kind in kinds:
        if "code" in vars(kind):
            yield kind
        yield from _family(*kind.__subclasses__())


def _title(kind: type[RayJobsError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


_TITLES = {code: each["title"] for code, each in codes().items()}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem, also the errors of the framework."""
    app.exception_handler(RayJobsError)(_of_core)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_framework)
    app.exception_handler(ClientDisconnect)(_client_left)
    app.exception_handler(Exception)(_unexpected)


def problem(
    request: Request,
    status: HTTPStatus,
    code: str,
    detail: str,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for an error, as problem+json."""
    body = {
        "type": f"/docs#{code}",
        "title": _TITLES.get(code, status.phrase),
        "status": status,
        "detail": detail,
        "instance": quote(request.scope["path"], safe="/:@"),  # a path may contain characters that no URI may
        "code": code,
        "request_id": request.state.request_id,
        "errors": [each.as_json() for each in problems],
    }
    if not body["errors"]:
        del body["errors"]
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def _of_core(request: Request, error: RayJobsError) -> Response:
    status, headers = status_of(type(error)), {}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", BackendError.retry_after_s))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s: %s", error.code, error.detail, extra={"request_id": request.state.request_id})
    return problem(request, status, error.code, error.detail, _problems(error), headers)


def _problems(error: RayJobsError) -> list[Problem]:
    if isinstance(error, core.InvalidRequestError):
        return error.problems
    if error.limit is None and error.actual is None:
        return []
    return [Problem("", error.code, error.detail, error.limit, error.actual)]


def _of_validation(request: Request, error: RequestValidationError) -> Response:
    """Answer for a query or a path that FastAPI refused, in the same form as an error of the core."""
    for one in error.errors():
        if one["loc"][0] == "path":  # an invalid name names nothing, so it is not found
            detail = f"There is no {_KINDS[one['loc'][1]]} {shown(one['input'])!r}: {one['msg']}."
            return _of_core(request, core.NotFoundError(detail))
    # The first part of `loc` is "query" or "path"; a pointer does not contain it.
    lines = [
        InitErrorDetails(type=one["type"], loc=one["loc"][1:], input=one["input"], ctx=one.get("ctx", {}))
        for one in error.errors()
    ]
    problems = problems_of(ValidationError.from_exception_data("request", lines))
    detail = f"The request can't be read. {problems[0].pointer}: {problems[0].detail}"
    return _of_core(request, core.InvalidRequestError(detail, problems))


def _of_framework(request: Request, error: HTTPException) -> Response:
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    path = request.scope["path"]
    if status is HTTPStatus.NOT_FOUND:
        return problem(request, status, core.NotFoundError.code, f"There is no route {path}; see /docs.")
    detail = str(error.detail)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request, headers.get("Allow", "")))
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        detail = f"{path} does not allow {request.method}; it allows {headers['Allow']}."
    return problem(request, status, status.name.lower(), detail, headers=headers)


def _methods(request: Request, of_first: str) -> list[str]:
    """Return the methods that all routes of a path allow; `of_first` are those of its first route."""
    routes = [each for each in request.app.routes if not isinstance(each, Mount)]
    found = {"OPTIONS", *of_first.replace(" ", "").split(",")} - {""}
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(each.matches(scope)[0] is Match.FULL for each in routes):
            found.add(method)
    return sorted(found)


def _client_left(_request: Request, _error: ClientDisconnect) -> Response:
    # Nobody reads this answer: the client left while the API read its body.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _unexpected(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id
    _log.error("unexpected: %r", error, extra={"request_id": request_id})
    detail = f"An error in rayjobs itself; search the log for the request id {request_id}."
    # Starlette sends this answer outside of all middleware, so no middleware adds the header.
    headers = {"X-Request-ID": request_id}
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, RayJobsError.code, detail, headers=headers)
