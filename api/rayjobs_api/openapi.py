"""The OpenAPI document: FastAPI makes it; this module adds error codes and bodies."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from rayjobs_api import errors, responses
from rayjobs_api.requests import forms, models

Document = dict[str, Any]

_REF = "#/components/schemas/{model}"
_BODIES = (
    forms.BatchForm,
    forms.ShortForm,
    forms.PresetBody,
    models.RetryForm,
    models.PurgeForm,
    models.SubmitQuery,
    responses.ProblemAnswer,
)

_FILE: Document = {"type": "string", "format": "binary"}

MULTIPART: Document = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": _FILE, "minItems": 1}},
                    "required": ["file"],
                }
            }
        },
    }
}


def body_of(*names: str, required: bool = True) -> Document:
    """Return the OpenAPI part for a JSON body that has one of these forms."""
    refs = [{"$ref": _REF.format(model=name)} for name in names]
    schema = refs[0] if len(refs) == 1 else {"oneOf": refs}
    content: Document = {"schema": schema}
    examples = {
        title: {"value": value} for title, value in forms.EXAMPLES.items() if title.split()[0] in names
    }
    if examples:
        content["examples"] = examples
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


def submitting(*names: str) -> Document:
    """Return the OpenAPI part for a submission: a JSON body in one of these forms, and its query.

    In the query `sample` needs `dry_run`. OpenAPI can express this only if the query is one object,
    and each of its properties is a parameter.
    """
    query: Document = {
        "name": "how",
        "in": "query",
        "description": "`dry_run` and `sample`; each is a separate parameter.",
        "style": "form",
        "explode": True,
        "schema": {"$ref": _REF.format(model="SubmitQuery")},
        "example": {"dry_run": False},
    }
    return {"parameters": [query], **body_of(*names)}


def preview_body() -> Document:
    """Return the OpenAPI part for a preview: a batch as JSON, or a batch without its source and a picture."""
    found = body_of("BatchForm", "ShortForm")
    request = {"type": "string", "description": "The JSON of a batch without its source"}
    parts = {"request": request, "file": _FILE}
    schema = {"type": "object", "properties": parts, "required": list(parts)}
    found["requestBody"]["content"]["multipart/form-data"] = {"schema": schema}
    return found


def document(app: FastAPI) -> Document:
    """Return the document; it is made once for each application."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, definitions = models_json_schema([(each, "validation") for each in _BODIES], ref_template=_REF)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        schemas |= definitions["$defs"]
        for each in schemas["SubmitQuery"]["properties"].values():
            _remove_null(each)
        for path in found["paths"].values():
            for operation in path.values():
                _add_problem(operation["responses"])
                if "security" in operation and app.state.core.settings.api_keys_file is None:
                    operation["security"].append({})  # a request without a key is allowed, too
                for parameter in operation.get("parameters", ()):
                    _remove_null(parameter["schema"])
        found["x-error-codes"] = errors.codes()
        app.openapi_schema = found
    return app.openapi_schema


def _remove_null(schema: Document) -> None:
    """Remove null from the types of a parameter: a URL or a header can't contain null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]
        schema.pop("default", None)


def _add_problem(responses: Document) -> None:
    responses.pop("422", None)  # FastAPI's own form of errors; this API never answers with it
    schema = {"$ref": _REF.format(model="ProblemAnswer")}
    responses["default"] = {"description": "An error", "content": {errors.MEDIA_TYPE: {"schema": schema}}}
