"""Batches: submit, list, watch, steer, retry, delete."""

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from rayjobs.model.batch import Batch, Verb
from rayjobs.request.spec import parse_form
from rayjobs_api.forecasts import PlanAnswer
from rayjobs_api.openapi import body_of, submitting
from rayjobs_api.requests.dependencies import Actor, JsonObject, TheCore, answer
from rayjobs_api.requests.forms import AskedFor
from rayjobs_api.requests.models import (
    BatchesQuery,
    BatchId,
    EventsQuery,
    IdempotencyKey,
    LastEventId,
    RetryForm,
    SubmitQuery,
)
from rayjobs_api.responses import BatchAnswer, BatchesAnswer, LogAnswer
from rayjobs_api.streaming import events

router = APIRouter(tags=["batches"])

SUBMITTED: dict[int | str, dict[str, Any]] = {
    200: {"model": BatchAnswer | PlanAnswer, "description": "The key came before, or a dry run"},
    202: {"model": BatchAnswer, "description": "Accepted"},
}
_BATCH: dict[int | str, dict[str, Any]] = {200: {"model": BatchAnswer}}


@router.post(
    "/batches",
    status_code=202,
    responses=SUBMITTED,
    openapi_extra=submitting("BatchForm", "ShortForm"),
    summary="Submit a batch",
)
def submit(
    asked: AskedFor,
    core: TheCore,
    actor: Actor,
    query: Annotated[SubmitQuery, Query(include_in_schema=False)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    with asked.in_its_words() as body:
        if query.sample is not None:
            return answer(core.estimates.plan(body, query.sample))
        if query.dry_run:
            return answer(core.intake.plan(body))
        batch, created = core.intake.submit(body, idempotency_key=idempotency_key, actor=actor)
    return answer(batch.as_json(), 202 if created else 200, {"Location": f"/batches/{batch.id}"})


@router.get("/batches", responses={200: {"model": BatchesAnswer}}, summary="List batches, newest first")
def batches(core: TheCore, query: Annotated[BatchesQuery, Query()]) -> Response:
    page = core.history.page(
        limit=query.limit, cursor=query.cursor, state=query.state, label=query.name_and_value
    )
    batches = [batch.as_json() for batch in page.batches]
    unreadable = [{"id": batch_id, "detail": why} for batch_id, why in page.unreadable.items()]
    return answer({"batches": batches, "next": page.next, "unreadable": unreadable})


@router.get("/batches/{batch_id}", responses=_BATCH, summary="Look at a batch")
def batch(batch_id: BatchId, core: TheCore) -> Response:
    return _of(core.history.batch(batch_id))


@router.get(
    "/batches/{batch_id}/events",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {}}},
        204: {"description": "It ended; nothing follows"},
    },
    summary="Follow a batch: state, progress, end",
)
async def follow(
    batch_id: BatchId,
    core: TheCore,
    query: Annotated[EventsQuery, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    after = events.checked_id(last_event_id or query.last_event_id)
    found = await to_thread.run_sync(core.history.events, batch_id, after)
    if events.nothing_follows(found, after):
        return Response(status_code=204)  # what tells an EventSource not to come back
    listening = core.bell.listening(batch_id)
    stream = events.feed(partial(core.history.events, batch_id), found, after, core.closing.is_set, listening)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


@router.get("/batches/{batch_id}/log", responses={200: {"model": LogAnswer}}, summary="See what became of it")
def log(batch_id: BatchId, core: TheCore) -> Response:
    return answer({"log": core.history.log(batch_id)})


@router.post("/batches/{batch_id}/pause", responses=_BATCH, summary="Start nothing more of it for now")
def pause(batch_id: BatchId, core: TheCore, actor: Actor) -> Response:
    return _of(core.intake.steer(batch_id, Verb.PAUSE, actor))


@router.post("/batches/{batch_id}/resume", responses=_BATCH, summary="Go on with a paused batch")
def resume(batch_id: BatchId, core: TheCore, actor: Actor) -> Response:
    return _of(core.intake.steer(batch_id, Verb.RESUME, actor))


@router.post("/batches/{batch_id}/cancel", responses=_BATCH, summary="End a batch")
def cancel(batch_id: BatchId, core: TheCore, actor: Actor) -> Response:
    return _of(core.intake.steer(batch_id, Verb.CANCEL, actor))


@router.delete(
    "/batches/{batch_id}", responses=_BATCH, summary="Remove a batch that has ended, and its outputs"
)
def delete(batch_id: BatchId, core: TheCore) -> Response:
    return _of(core.intake.delete(batch_id))


@router.post(
    "/batches/{batch_id}/retry",
    responses=_BATCH,
    openapi_extra=body_of("RetryForm", required=False),
    summary="Put failed items back",
)
def retry(batch_id: BatchId, body: JsonObject, core: TheCore, actor: Actor) -> Response:
    return _of(core.intake.retry(batch_id, parse_form(RetryForm, body).codes, actor))


def _of(batch: Batch) -> Response:
    return answer(batch.as_json())
