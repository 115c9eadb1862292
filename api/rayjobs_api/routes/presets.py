"""Presets: pipelines with a name and versions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from rayjobs_api.openapi import body_of
from rayjobs_api.requests.dependencies import JsonObject, TheCore, answer
from rayjobs_api.requests.models import PresetKey, PresetQuery
from rayjobs_api.responses import PresetAnswer, PresetsAnswer

router = APIRouter(prefix="/presets", tags=["presets"])


@router.get("", responses={200: {"model": PresetsAnswer}}, summary="List the latest version of each preset")
def presets(core: TheCore) -> Response:
    found, wrong = core.submissions.presets.all()
    unreadable = [{"name": name, "detail": why} for name, why in wrong.items()]
    return answer({"presets": [each.as_json() for each in found], "unreadable": unreadable})


@router.get("/{name}", responses={200: {"model": PresetAnswer}}, summary="Show a preset")
def preset(name: PresetKey, core: TheCore, query: Annotated[PresetQuery, Query()]) -> Response:
    return answer(core.submissions.presets.get(name, query.version).as_json())


@router.put(
    "/{name}",
    status_code=201,
    responses={
        200: {"model": PresetAnswer, "description": "The latest version is equal already"},
        201: {"model": PresetAnswer, "description": "A new version"},
    },
    openapi_extra=body_of("PresetBody"),
    summary="Put a preset; a change makes a new version",
)
def put(name: PresetKey, body: JsonObject, core: TheCore) -> Response:
    found, is_new = core.submissions.put_preset(name, body)
    location = {"Location": f"/presets/{name}?version={found.version}"}
    return answer(found.as_json(), 201 if is_new else 200, location)
