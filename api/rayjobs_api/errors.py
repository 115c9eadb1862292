"""Every error as `application/problem+json` (RFC 9457); the only place that knows of statuses."""

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
    # Errors of items reach a client directly when an upload can't be stored, and in previews.
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
"""Status of each error; a class that is not here has that of its nearest ancestor."""

_FRAMEWORKS = {
    HTTPStatus.METHOD_NOT_ALLOWED: "The path does not take this method; `Allow` names those that it takes.",
    HTTPStatus.REQUEST_TIMEOUT: "The body came too slowly.",
}
"""What is answered before a route is reached, or beside it: the code is the status's name."""

MEDIA_TYPE = "application/problem+json"
_NAMED = {"batch_id": "batch", "index": "item", "name": "preset", "worker_id": "worker"}
"""What each parameter of a path is the name of."""
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

_log = logging.getLogger("api")


def status_of(kind: type[RayJobsError]) -> HTTPStatus:
    """Return the status of an error."""
    return next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)


def codes() -> dict[str, dict[str, Any]]:
    """Return each code with its title, and with its status or, of an item, whether it is tried again."""
    found: dict[str, dict[str, Any]] = {}
    for kind in _family(core.RequestError, BackendError):
        found[kind.code] = {"title": _title(kind), "status": status_of(kind).value}
    for status, title in _FRAMEWORKS.items():
        found[status.name.lower()] = {"title": title, "status": status.value}
    found[RayJobsError.code] = {
        "title": "A fault of ours; the log has the request id.",
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
    """Answer every error of `app` with a problem, those of the framework too."""
    app.exception_handler(RayJobsError)(_ours)
    app.exception_handler(RequestValidationError)(_not_valid)
    app.exception_handler(HTTPException)(_frameworks)
    app.exception_handler(ClientDisconnect)(_nobody_there)
    app.exception_handler(Exception)(_unexpected)


def problem(
    request: Request,
    status: HTTPStatus,
    code: str,
    detail: str,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error's answer."""
    body = {
        "type": f"/docs#{code}",
        "title": _TITLES.get(code, status.phrase),
        "status": status,
        "detail": detail,
        "instance": quote(request.scope["path"], safe="/:@"),  # a path may hold what no URI may
        "code": code,
        "request_id": request.state.request_id,
        "errors": [each.as_json() for each in problems],
    }
    if not body["errors"]:
        del body["errors"]
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def _ours(request: Request, error: RayJobsError) -> Response:
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


def _not_valid(request: Request, error: RequestValidationError) -> Response:
    """Answer for a query or a path that FastAPI refused, in the words of the core."""
    for one in error.errors():
        if one["loc"][0] == "path":  # what can't be a name is the name of nothing
            detail = f"There is no {_NAMED[one['loc'][1]]} {shown(one['input'])!r}: {one['msg']}."
            return _ours(request, core.NotFoundError(detail))
    # The first step says "query" or "path", which a pointer leaves out.
    lines = [
        InitErrorDetails(type=one["type"], loc=one["loc"][1:], input=one["input"], ctx=one.get("ctx", {}))
        for one in error.errors()
    ]
    problems = problems_of(ValidationError.from_exception_data("request", lines))
    detail = f"The request can't be read. {problems[0].pointer}: {problems[0].detail}"
    return _ours(request, core.InvalidRequestError(detail, problems))


def _frameworks(request: Request, error: HTTPException) -> Response:
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    path = request.scope["path"]
    if status is HTTPStatus.NOT_FOUND:
        return problem(request, status, core.NotFoundError.code, f"There is no route {path}; see /docs.")
    detail = str(error.detail)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request, headers.get("Allow", "")))
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        detail = f"{path} does not take {request.method}, but {headers['Allow']}."
    return problem(request, status, status.name.lower(), detail, headers=headers)


def _methods(request: Request, of_one: str) -> list[str]:
    """Return the methods that a path takes by any of its routes; `of_one` are those of the first of them."""
    routes = [each for each in request.app.routes if not isinstance(each, Mount)]
    found = {"OPTIONS", *of_one.replace(" ", "").split(",")} - {""}
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(each.matches(scope)[0] is Match.FULL for each in routes):
            found.add(method)
    return sorted(found)


def _nobody_there(_request: Request, _error: ClientDisconnect) -> Response:
    # Nobody reads this: the client went while its body was read.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _unexpected(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id
    _log.error("unexpected: %r", error, extra={"request_id": request_id})
    detail = f"A fault of ours; the log names it by the request id {request_id}."
    # Starlette answers this one outside of all middleware, so the header is not added there.
    headers = {"X-Request-ID": request_id}
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, RayJobsError.code, detail, headers=headers)
