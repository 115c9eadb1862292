"""The request for a batch in the long or the short form; the core knows only the long form.

The short form names each filter once and its parameters beside: `{"filters": ["blur"], "filter_params":
{"blur": {"radius": 5}}, "count": 2}`. Pointers of errors lead into the form that was sent.
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
    """One of several files that a batch makes from each picture."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: VariantName
    """Its key in the item's `outputs`; `{variant}` in the file's name."""
    pipeline: list[FilterSpec] = Field(default_factory=list)
    """The filters for this file alone; they run after the batch's pipeline."""
    output: Output = Output()
    """A field that is left out has the batch's value."""


_A_PIPELINE: JsonDict = {"required": ["pipeline"]}
_VARIANTS: JsonDict = {"required": ["variants"], "properties": {"variants": {"type": "array"}}}
_A_PRESET: JsonDict = {"required": ["preset"], "properties": {"preset": {"type": "string"}}}


class BatchForm(BatchRequest):
    """A batch: the source of its pictures, the filters to run, and the output to write."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_A_PIPELINE, _VARIANTS, _A_PRESET]})

    pipeline: list[FilterSpec] = Field(default_factory=list)
    """Required without variants and without a preset; with variants it runs once for all of them."""
    variants: list[VariantForm] | None = Field(None, min_length=1, max_length=MAX_VARIANTS)
    """Several files from each picture, which is decoded once; they replace the batch's single file."""


class PresetBody(PresetForm):
    """The part of a batch that a preset sets; a field that is left out has its default."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_A_PIPELINE, _VARIANTS]})

    pipeline: list[FilterSpec] = Field(default_factory=list)
    """Required without variants."""
    variants: list[VariantForm] | None = Field(None, min_length=1, max_length=MAX_VARIANTS)
    """Several files from each picture."""


class ShortForm(Terms):
    """A batch of a few sample pictures; the names and the parameters of the filters are separate."""

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
"""Example requests in each form, for the docs; the keys are in the order that people write."""


class _Filters(BaseModel):
    """What a short form needs to become a long form; the core checks the rest."""

    model_config = ConfigDict(strict=True)

    filters: list[str]
    filter_params: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request in the long form, with what is necessary to point into the form that was sent."""

    body: dict[str, Any]
    filters: tuple[str, ...] | None = None
    """The names of the filters if the short form was sent, else None."""

    @contextmanager
    def long_form(self) -> Iterator[dict[str, Any]]:
        """Yield the long form; pointers of errors that leave the block lead into the form that was sent."""
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
    """Return a request of either form in the long form; raises `InvalidRequestError`."""
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
