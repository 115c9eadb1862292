"""A preview: one picture through a pipeline, while the client waits."""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response

from rayjobs.errors import BatchTooLargeError, InvalidRequestError, Problem
from rayjobs.service.previews import Preview
from rayjobs_api.openapi import preview_body
from rayjobs_api.requests import multipart
from rayjobs_api.requests.body_stream import body_stream
from rayjobs_api.requests.dependencies import Core, TheCore, answer, json_object, read_body
from rayjobs_api.requests.forms import asked_for
from rayjobs_api.requests.models import PreviewQuery
from rayjobs_api.responses import PreviewAnswer
from rayjobs_api.streaming.streamed import Streamed

router = APIRouter(tags=["preview"])

_BLOCK_BYTES = 256 * 1024
"""Bytes sent at a time: each block costs a change of threads."""

_MOST_REQUEST_BYTES = 2**20
"""Limit of the field `request`: it has a pipeline and an output, but no list of pictures."""

_SHOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "model": PreviewAnswer,
        "description": "The picture; for `Accept: application/json`, its description",
        "content": {"image/*": {}},
        "headers": {
            "ETag": {"description": "SHA-256 of the picture", "schema": {"type": "string"}},
            "X-Preview": {
                "description": "JSON: `width`, `height` in px, `duration_ms`, `warnings`",
                "schema": {"type": "string"},
            },
        },
    }
}


@router.post(
    "/preview",
    responses=_SHOWN,
    openapi_extra=preview_body(),
    summary="Show what a batch would make from one of its pictures, or from a picture that is sent",
)
async def preview(
    request: Request,
    core: TheCore,
    query: Annotated[PreviewQuery, Query()],
    accept: Annotated[str, Header()] = "",
) -> Response:
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/"):
        chunks = multipart.pulled(body_stream(request, core.settings))
        shown = await to_thread.run_sync(
            lambda: _of_a_sent_picture(core, content_type, chunks, query), limiter=core.upload_threads
        )
    else:
        body = json_object(await read_body(request, core))
        shown = await to_thread.run_sync(lambda: _of_a_body(core, body, query))
    if "application/json" in accept:
        shown.file.close()
        return answer(shown.as_json())
    known = {
        "width": shown.output["width"],
        "height": shown.output["height"],
        "duration_ms": shown.outcome.duration_ms,
        "warnings": shown.warnings,
    }
    headers = {
        "ETag": f'"{shown.output["sha256"]}"',
        "X-Preview": json.dumps(known),
        "Content-Length": str(shown.size_bytes),
        "Cache-Control": "no-store",
    }
    return Streamed(_blocks(shown), 200, headers, shown.media_type)


def _of_a_body(core: Core, body: dict[str, Any], query: PreviewQuery) -> Preview:
    with asked_for(body).long_form() as whole:
        return core.previews.render(whole, query.index, query.variant)


def _of_a_sent_picture(
    core: Core, content_type: str, chunks: Iterable[bytes], query: PreviewQuery
) -> Preview:
    """Store the picture while it is rendered: an engine process reads only from the store."""
    body: dict[str, Any] | None = None
    upload = None
    try:
        for part in multipart.parts(content_type, chunks):
            if part.field == "request" and body is None:
                body = json_object(_read(part.chunks))
            elif part.name and upload is None:
                upload = core.submissions.upload(part.name, part.chunks)
            else:
                raise _misread(f"The field {part.field!r} is one too many. ")
        if body is None or upload is None or "source" in body:
            raise _misread()
        return _of_a_body(core, {**body, "source": {"type": "upload", "ids": [upload["id"]]}}, query)
    finally:
        if upload is not None:
            core.store.delete(f"uploads/{upload['id']}")


def _misread(reason: str = "") -> InvalidRequestError:
    detail = f"{reason}Send one file, and a field `request` with the JSON of a batch without its source."
    return InvalidRequestError(detail, [Problem("/source", "not_allowed", detail)])


def _read(chunks: Iterable[bytes]) -> bytearray:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > _MOST_REQUEST_BYTES:
            text = f"The field `request` has more than {_MOST_REQUEST_BYTES} bytes."
            raise BatchTooLargeError(text, limit=_MOST_REQUEST_BYTES)
    return read


def _blocks(shown: Preview) -> Iterator[bytes]:
    with shown.file as file:
        yield from iter(lambda: file.read(_BLOCK_BYTES), b"")
