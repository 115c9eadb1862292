"""Workers, queue and purge."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from rayjobs.request.spec import parse_form
from rayjobs_api.openapi import body_of
from rayjobs_api.requests.dependencies import Actor, JsonObject, TheCore, answer
from rayjobs_api.requests.models import PurgeForm, WorkerId
from rayjobs_api.responses import PurgeAnswer, QueueAnswer, WorkersAnswer

router = APIRouter(tags=["workers"])


@router.get("/workers", responses={200: {"model": WorkersAnswer}}, summary="List the registered workers")
def workers(core: TheCore) -> Response:
    return answer({"workers": [worker.as_json() for worker in core.registry.workers()]})


@router.post(
    "/workers/{worker_id}/drain",
    status_code=202,
    responses={202: {"model": WorkersAnswer}},
    summary="Let a worker finish its items and start no more",
)
def drain(worker_id: WorkerId, core: TheCore) -> Response:
    core.registry.drain(worker_id)
    return answer({"workers": [w.as_json() for w in core.registry.workers() if w.id == worker_id]}, 202)


@router.get("/queue", responses={200: {"model": QueueAnswer}}, summary="Show the queue")
def queue(core: TheCore) -> Response:
    return answer(asdict(core.registry.queue()))


@router.post(
    "/purge",
    responses={200: {"model": PurgeAnswer}},
    openapi_extra=body_of("PurgeForm", required=False),
    summary="Start a new run: empty the queue, stop all items, register the workers again",
)
def purge(body: JsonObject, core: TheCore, actor: Actor) -> Response:
    return answer(core.submissions.purge(parse_form(PurgeForm, body).running, actor))
