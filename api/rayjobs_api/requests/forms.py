"""The request for a batch in either of its forms; the core knows only the long one.

The short form names each filter once and its parameters beside: `{"filters": ["blur"], "filter_params":
{"blur": {"radius": 5}}, "count": 2}`. Faults are answered with pointers into the form that was sent.
"""

import operator
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from rayjobs.errors import BatchTooLargeError, InvalidRequestError, Problem
from rayjobs.filters import known
from rayjobs.request.presets import PresetForm
from rayjobs.request.problems import near_match, pointer_to
from rayjobs.request.spec import BatchRequest, Terms, parse_form
from rayjobs.request.variants import MAX_VARIANTS, Output, VariantName
from rayjobs_api.requests.dependencies import JsonObject

_SHORT = ("filters", "filter_params", "count")
_FILTER = re.compile(r"/pipeline/(\d+)(/.*)?")


if TYPE_CHECKING:
    from rayjobs.filters.base import Filter

    FilterSpec = Filter
    FilterName = str
else:
    FilterName = Literal[tuple(known())]
    FilterSpec = Annotated[reduce(operator.or_, known().values()), Field(discriminator="name")]
    """One filter as a request carries it, for the JSON Schema of the API."""


class VariantForm(BaseModel):
    """One of several files that are made of each picture."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: VariantName
    """Its key in the item's `outputs`; `{variant}` in the file's name."""
    pipeline: list[FilterSpec] = Field(default_factory=list)
    """What is done for this file alone, behind the batch's pipeline."""
    output: Output = Output()
    """What is left out is the batch's."""


_A_PIPELINE: JsonDict = {"required": ["pipeline"]}
_VARIANTS: JsonDict = {"required": ["variants"], "properties": {"variants": {"type": "array"}}}
_A_PRESET: JsonDict = {"required": ["preset"], "properties": {"preset": {"type": "string"}}}


class BatchForm(BatchRequest):
    """A batch: where its pictures come from, what is done to them, how they are written."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_A_PIPELINE, _VARIANTS, _A_PRESET]})

    pipeline: list[FilterSpec] = Field(default_factory=list)
    """Must be there, unless there are variants or a preset; with variants it is carried out once for all."""
    variants: list[VariantForm] | None = Field(None, min_length=1, max_length=MAX_VARIANTS)
    """Several files of each picture, decoded once; in place of the batch's single one."""


class PresetBody(PresetForm):
    """What a preset says of a batch; what is not said has its default."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_A_PIPELINE, _VARIANTS]})

    pipeline: list[FilterSpec] = Field(default_factory=list)
    """Must be there, unless there are variants."""
    variants: list[VariantForm] | None = Field(None, min_length=1, max_length=MAX_VARIANTS)
    """Several files of each picture."""


class ShortForm(Terms):
    """The same for a few sample pictures, with the filters' names and parameters apart."""

    filters: list[FilterName]
    filter_params: dict[str, dict[str, Any]] = Field(default_factory=dict)
    count: int = Field(1, ge=1)


EXAMPLES: dict[str, dict[str, Any]] = {
    "BatchForm": {
        "source": {"type": "samples", "count": 20},
        "pipeline": [
            {"name": "resize", "width": 512, "height": 512, "fit": "inside"},
            {"name": "grayscale"},
        ],
        "output": {"format": "jpeg", "quality": 85, "name": "{index:06d}-{stem}.{ext}"},
        "priority": 0,
        "max_attempts": 3,
        "labels": {"who": "docs"},
    },
    "BatchForm with variants": {
        "source": {"type": "samples", "count": 20},
        "pipeline": [{"name": "crop_aspect", "width": 3, "height": 2}],
        "output": {"quality": 80},
        "variants": [
            {"name": "large", "pipeline": [{"name": "thumbnail", "size": 1600}]},
            {
                "name": "small",
                "pipeline": [{"name": "thumbnail", "size": 320}, {"name": "sharpen", "factor": 1.3}],
                "output": {"format": "webp"},
            },
        ],
    },
    "BatchForm of a preset": {
        "source": {"type": "samples", "count": 20},
        "preset": "web",
        "output": {"folder": "album"},
    },
    "PresetBody": {
        "description": "Cards of our shop.",
        "pipeline": [{"name": "resize", "width": 600, "height": 400, "fit": "cover"}],
        "output": {"format": "webp", "quality": 75},
    },
    "ShortForm": {
        "filters": ["resize", "blur", "sharpen", "edges"],
        "filter_params": {
            "resize": {"width": 2048, "height": 2048},
            "blur": {"radius": 5.0},
            "sharpen": {"factor": 2.0},
        },
        "count": 2,
    },
}
"""Requests in each form, for the docs; in the order in which people write them."""


class _Filters(BaseModel):
    """What must hold before a short form can be made long; the core checks the rest."""

    model_config = ConfigDict(strict=True)

    filters: list[str]
    filter_params: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request in the long form, and how to point into the form that it came in."""

    body: dict[str, Any]
    filters: tuple[str, ...] | None = None
    """The filters' names, if it came in the short form."""

    @contextmanager
    def in_its_words(self) -> Iterator[dict[str, Any]]:
        """Give the long form; errors that leave the block point into the form that was sent."""
        try:
            yield self.body
        except InvalidRequestError as error:
            if self.filters is None:
                raise
            problems = [replace(each, pointer=self._pointer(each.pointer)) for each in error.problems]
            detail = error.detail
            for old, new in zip(error.problems, problems, strict=True):
                detail = detail.replace(f"{old.pointer}:", f"{new.pointer}:")
            raise type(error)(detail, problems) from error
        except BatchTooLargeError as error:
            detail = error.detail if self.filters is None else error.detail.replace("/source/count", "/count")
            raise BatchTooLargeError(detail, limit=error.limit, actual=error.actual) from error

    def _pointer(self, pointer: str) -> str:
        found = _FILTER.fullmatch(pointer)
        if found and self.filters:
            index, rest = int(found[1]), found[2]
            if rest in (None, "/name"):
                return f"/filters/{index}"
            return pointer_to("/filter_params", [self.filters[index]]) + rest
        return {"/pipeline": "/filters", "/source/count": "/count"}.get(pointer, pointer)


def asked_for(body: Mapping[str, Any]) -> Asked:
    """Return a request in the long form, whichever it has; raises `InvalidRequestError`."""
    if "filters" not in body or "pipeline" in body:
        return Asked(dict(body))
    short = parse_form(_Filters, {key: body[key] for key in _SHORT[:2] if key in body})
    _check_used(short)
    rest = {key: value for key, value in body.items() if key not in _SHORT}
    pipeline = [short.filter_params.get(name, {}) | {"name": name} for name in short.filters]
    source = {"type": "samples", "count": body.get("count", 1)}
    return Asked({"source": source, "pipeline": pipeline, **rest}, tuple(short.filters))


def _check_used(short: _Filters) -> None:
    problems = [
        Problem(
            pointer_to("/filter_params", [name]),
            "unknown_field",
            f"{name!r} is not among the filters." + near_match(name, short.filters),
        )
        for name in short.filter_params
        if name not in short.filters
    ]
    if problems:
        raise InvalidRequestError(f"{problems[0].pointer}: {problems[0].detail}", problems)


def _parsed(body: JsonObject) -> Asked:
    return asked_for(body)


AskedFor = Annotated[Asked, Depends(_parsed)]
