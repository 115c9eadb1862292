"""Items of a batch: pages, one item, its picture, all results."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from rayjobs.service.queries import OutputFile
from rayjobs_api.requests.dependencies import TheCore, answer
from rayjobs_api.requests.models import BatchId, Index, ItemsQuery, OutputQuery
from rayjobs_api.responses import ItemAnswer, ItemsAnswer
from rayjobs_api.streaming.streamed import Streamed

router = APIRouter(prefix="/batches/{batch_id}", tags=["items"])

_BLOCK_BYTES = 256 * 1024
"""Bytes sent at a time: each block costs a change of threads."""


@router.get("/items", responses={200: {"model": ItemsAnswer}}, summary="List items")
def items(batch_id: BatchId, core: TheCore, query: Annotated[ItemsQuery, Query()]) -> Response:
    return answer(core.queries.items(batch_id, **query.model_dump()))


@router.get("/items/{index}", responses={200: {"model": ItemAnswer}}, summary="Show an item")
def item(batch_id: BatchId, index: Index, core: TheCore) -> Response:
    return answer(core.queries.item(batch_id, index))


def _opened(
    batch_id: BatchId, index: Index, core: TheCore, query: Annotated[OutputQuery, Query()]
) -> Iterator[OutputFile]:
    found = core.queries.output(batch_id, index, query.variant)
    with found.file:  # closes the file after the answer, also after an error
        yield found


@router.get(
    "/items/{index}/output",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, 304: {"description": "The client has the picture already"}},
    summary="Get the picture, or one of its variants",
)
def output(
    found: Annotated[OutputFile, Depends(_opened)], if_none_match: Annotated[str, Header()] = ""
) -> Response:
    headers = {"ETag": f'"{found.etag}"', "Cache-Control": "no-cache"}
    if has_tag(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.size_bytes)
    return Streamed(iter(lambda: found.file.read(_BLOCK_BYTES), b""), 200, headers, found.media_type)


@router.get(
    "/results",
    response_class=Response,
    responses={200: {"content": {"application/jsonl": {}}}},
    summary="Get the result manifest: one JSON line an item, in index order",
)
def results(batch_id: BatchId, core: TheCore) -> Response:
    return Streamed(in_blocks(core.queries.results(batch_id)), media_type="application/jsonl")


def has_tag(if_none_match: str, etag: str) -> bool:
    """Return whether the header names this tag. Source: RFC 9110, section 13.1.2 (weak comparison)."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", etag) for tag in tags)


def in_blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in fewer pieces."""
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)
