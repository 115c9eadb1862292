"""Pictures that are sent, to be named in a batch afterwards."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api import multipart
from api.answers import UploadAnswer
from api.arriving import arriving
from api.dependencies import TheCore, answer
from api.openapi import MULTIPART
from rayjobs.errors import InvalidRequestError

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
            request.headers.get("content-type", ""), multipart.pulled(arriving(request, core.settings))
        )
        return [core.intake.upload(file.name, file.chunks) for file in files]

    stored = await to_thread.run_sync(store, limiter=core.upload_threads)
    if not stored:
        raise InvalidRequestError("The multipart body has no file.")
    return answer(stored, 201)
