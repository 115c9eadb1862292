"""Liveness, readiness and metrics for operators; none of these routes needs a key."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from rayjobs.errors import BackendError, RayJobsError
from rayjobs_api.requests.dependencies import Core, TheCore, answer
from rayjobs_api.responses import ReadyAnswer

router = APIRouter(tags=["system"])


@router.get("/livez", summary="Show that this process answers")
async def livez() -> Response:
    return answer({"alive": True})  # async: it answers even while every thread is taken


@router.get(
    "/readyz",
    responses={200: {"model": ReadyAnswer}, 503: {"model": ReadyAnswer}},
    summary="Show whether rayjobs can accept and run batches",
)
def readyz(core: TheCore) -> Response:
    probes = {
        "registry": core.registry.ping,
        "store": lambda: _write(core),
        "dispatcher": lambda: _lead(core),
    }
    found = {name: _tried(probe) for name, probe in probes.items()}
    if all(state == "ok" for state in found.values()):
        return answer({"ready": True, "dependencies": found})
    retry = {"Retry-After": str(BackendError.retry_after_s)}
    return answer({"ready": False, "dependencies": found}, 503, retry)


@router.get("/metrics", response_class=PlainTextResponse, summary="Show the metrics for Prometheus")
def metrics(request: Request) -> Response:
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _tried(probe: Callable[[], str | None]) -> str:
    try:
        return probe() or "ok"
    except RayJobsError as error:
        return error.detail


def _write(core: Core) -> None:
    core.store.put("health/api", b"")  # a store that can be read but not written is of no use


def _lead(core: Core) -> str | None:
    return None if core.registry.leader() else "no dispatcher leads"
