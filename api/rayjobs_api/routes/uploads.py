"""Uploads: pictures that a client sends, and names in a batch later."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from rayjobs.errors import InvalidRequestError
from rayjobs_api.openapi import MULTIPART
from rayjobs_api.requests import multipart
from rayjobs_api.requests.body_stream import body_stream
from rayjobs_api.requests.dependencies import TheCore, answer
from rayjobs_api.responses import UploadAnswer

router = APIRouter(tags=["uploads"])


@router.post(
    "/uploads",
    status_code=201,
    responses={201: {"model": list[UploadAnswer]}},
    openapi_extra=MULTIPART,
    summary="Send pictures, one or many",
)
async def upload(request: Request, core: TheCore) -> Response:
    def store() -> list[dict[str, object]]:
        files = multipart.files(
            request.headers.get("content-type", ""), multipart.pulled(body_stream(request, core.settings))
        )
        return [core.submissions.upload(file.name, file.chunks) for file in files]

    stored = await to_thread.run_sync(store, limiter=core.upload_threads)
    if not stored:
        raise InvalidRequestError("The multipart body has no file.")
    return answer(stored, 201)
