"""The two routes of the first version of rayjobs; clients of that version still work."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from rayjobs_api.openapi import submitting
from rayjobs_api.requests.dependencies import TheCore, answer
from rayjobs_api.routes import batches

router = APIRouter(prefix="/api", tags=["first version"])


router.post(
    "/process-batch/distributed/",
    name="process_batch",
    status_code=202,
    responses=batches.SUBMITTED,
    openapi_extra=submitting("ShortForm", "BatchForm"),
    summary="Submit a batch, as POST /batches does",
)(batches.submit)


@router.get("/metrics/", summary="Show queue, workers and counts at once")
def watched(core: TheCore) -> Response:
    queue = asdict(core.registry.queue())
    workers = [worker.as_json() for worker in core.registry.workers()]
    slots = {"total": sum(row["slots"] for row in workers), "busy": sum(row["busy_slots"] for row in workers)}
    counts = {
        "pending": queue["pending"],
        "running": queue["in_flight"],
        "batches": queue["batches_by_state"],
    }
    return answer({"queue": queue, "workers": workers, "slots": slots, "counts": counts})
