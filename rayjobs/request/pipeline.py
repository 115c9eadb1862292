"""A pipeline: filters in their order, parsed from a request's JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyvips
from pydantic import ValidationError
from typing_extensions import override

from rayjobs.errors import FilterFailedError, InvalidPipelineError, Problem, UnknownFilterError
from rayjobs.filters import known, plugins
from rayjobs.filters.base import Analysis, Composition, Edit, Filter, Size
from rayjobs.filters.geometry import AutoOrient
from rayjobs.filters.pixels import HELD_PIXELS
from rayjobs.request.problems import near_match, problems_of, shown

MAX_FILTERS = 20
"""Filters in one pipeline; nobody was seen to need more than ten, and each costs a pass over the pixels."""


@dataclass(frozen=True)
class Pipeline:
    """Filters in the order that they are applied; none at all means: only encode anew."""

    filters: tuple[Filter, ...] = ()

    @property
    def auto_orients(self) -> bool:
        """The EXIF orientation is to be applied before the first filter."""
        first = self.filters[0] if self.filters else None
        return not isinstance(first, AutoOrient) or first.enabled

    @property
    def pixel_filters(self) -> tuple[Filter, ...]:
        """The filters that do something to pixels."""
        return tuple(each for each in self.filters if not isinstance(each, AutoOrient))

    def then(self, other: "Pipeline") -> "Pipeline":
        """Return this pipeline with another behind it."""
        return Pipeline(self.filters + other.filters)

    def shrinks_to(self, size: Size) -> Size | None:
        """Return the size that the first filter brings an upright picture down to, if it does."""
        return self.pixel_filters[0].shrinks_to(size) if self.pixel_filters else None

    def streams(self, size: Size) -> bool:
        """Say whether an upright picture of this size may be read once, from top to bottom."""
        wanted = self.shrinks_to(size)
        is_small_at_once = wanted is not None and wanted[0] * wanted[1] <= HELD_PIXELS
        return all(each.streams for each in self.pixel_filters[: 1 if is_small_at_once else None])

    @property
    def pictures(self) -> Iterator[tuple[int, str]]:
        """The second pictures: index of the filter, and its reference."""
        return ((at, each.picture) for at, each in enumerate(self.filters) if isinstance(each, Composition))

    def as_json(self) -> list[dict[str, object]]:
        """Return the pipeline as a request carries it, defaults filled in."""
        return [each.model_dump(mode="json") for each in self.filters]


def shrinks_to(pipelines: Sequence[Pipeline], size: Size) -> Size | None:
    """Return the size to which all of them bring an upright picture down; None if one needs each pixel."""
    sizes = [each.shrinks_to(size) for each in pipelines]
    known = [each for each in sizes if each is not None]
    if len(known) < len(sizes):
        return None
    return max(width for width, _ in known), max(height for _, height in known)


def parse_pipeline(raw: object, pointer: str = "/pipeline") -> Pipeline:
    """Return the pipeline that a request describes.

    Args:
        raw: The JSON value: a list of objects, each with a filter's `name` and parameters.
        pointer: JSON pointer of `raw` in the request's body, for the problems.

    Raises:
        UnknownFilterError: A name is not in the catalogue; the problem names a near match.
        InvalidPipelineError: Anything else is wrong. Either error lists all the problems.
    """
    if not isinstance(raw, list | tuple):
        problem = Problem(pointer, "wrong_type", "must be a list of filters", actual=shown(raw))
        raise InvalidPipelineError("The pipeline is not a list.", [problem])
    if len(raw) > MAX_FILTERS:
        text = f"must have at most {MAX_FILTERS} filters"
        problem = Problem(pointer, "too_many", text, limit=MAX_FILTERS, actual=len(raw))
        raise InvalidPipelineError("The pipeline is too long.", [problem])
    parsed = [_parse_filter(one, f"{pointer}/{index}") for index, one in enumerate(raw)]
    problems = [problem for one in parsed if not isinstance(one, Filter) for problem in one]
    problems += _double_keys(parsed, pointer)
    if any(problem.code == UnknownFilterError.code for problem in problems):
        raise UnknownFilterError(_said(problems), problems)
    if problems:
        raise InvalidPipelineError(_said(problems), problems)
    return Pipeline(tuple(one for one in parsed if isinstance(one, Filter)))


class _Missing(Edit):
    """Stands for a pipeline that this process can't run: fails on every picture."""

    reason: str

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        raise FilterFailedError(f"this worker can't run the pipeline: {self.reason}")


def unrunnable(reason: str) -> Pipeline:
    """Return what stands for a pipeline that can't be run in this process."""
    return Pipeline((_Missing(name="missing", reason=reason),))


def _double_keys(parsed: list[Filter | list[Problem]], pointer: str) -> Iterator[Problem]:
    """Give a problem for each analysis whose answer would take the place of an earlier one."""
    seen: set[str] = set()
    for index, one in enumerate(parsed):
        if isinstance(one, Analysis):
            if one.answers_to in seen:
                text = f"another analysis answers to {one.answers_to!r} already; give this one a `key`"
                yield Problem(f"{pointer}/{index}/key", "not_unique", text, actual=one.answers_to)
            seen.add(one.answers_to)


def _said(problems: list[Problem]) -> str:
    """Return the first problem in one line, for those who read no further."""
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0].pointer}: {problems[0].detail}{more}"


def _parse_filter(raw: object, pointer: str) -> Filter | list[Problem]:
    if not isinstance(raw, Mapping):
        text = "must be an object with a filter's name and parameters"
        return [Problem(pointer, "wrong_type", text, actual=shown(raw))]
    if "name" not in raw:
        return [Problem(f"{pointer}/name", "missing", "field required: the filter's name")]
    name = raw["name"]
    if not isinstance(name, str):
        return [Problem(f"{pointer}/name", "wrong_type", "must be a filter's name", actual=shown(name))]
    if (cls := known().get(name)) is None:
        return [
            Problem(
                f"{pointer}/name", UnknownFilterError.code, _unknown(name), ", ".join(known()), shown(name)
            )
        ]
    try:
        return cls.model_validate(raw)
    except ValidationError as error:
        return problems_of(error, pointer, cls)


def _unknown(name: str) -> str:
    """Say why there is no filter of this name."""
    for plugin in plugins():
        if plugin.name == name:
            return f"the plug-in {name!r} can't be used: {plugin.error}"
    return f"no filter has the name {shown(name)!r}." + near_match(name, known())
