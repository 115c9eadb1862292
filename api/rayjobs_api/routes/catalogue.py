"""The catalogue: filters and formats with their JSON Schemas."""

from fastapi import APIRouter, Response

from rayjobs import codec, filters
from rayjobs_api.requests.dependencies import answer

router = APIRouter(tags=["catalogue"])


@router.get(
    "/filters",
    summary="List the filters with their JSON Schemas, and the plug-ins, usable or not",
)
def all_filters() -> Response:
    plugins = [each.as_json() for each in filters.plugins()]
    return answer({"filters": filters.describe(), "plugins": plugins})


@router.get("/formats", summary="List the formats, those left out and why, and the schema of an output")
def all_formats() -> Response:
    found = {"formats": codec.describe_formats(), "not_read": codec.describe_not_read()}
    return answer({**found, "output": codec.Encoding.model_json_schema()})
