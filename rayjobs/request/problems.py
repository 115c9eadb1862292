"""What pydantic finds wrong, as `Problem`s: a pointer, a code, a bound, and a unit in the text."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rayjobs.errors import Problem

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
"""pydantic's error type: where the bound stands in its context, and how to say it."""

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "union_tag_invalid": "not_allowed",
    "union_tag_not_found": "missing",
    "too_long": "too_many",
    "too_short": "too_few",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "not_allowed",
    "not_allowed": "not_allowed",
    "out_of_bounds": "out_of_bounds",
}
"""pydantic's error type, or a validator's own: our code. Bounds and wrong types follow rules of their own."""

_LONGEST_ACTUAL = 80
"""Characters of a caller's own text that an answer repeats; arbitrary, it only has to be short."""


def problems_of(
    error: ValidationError, pointer: str = "", model: type[BaseModel] | None = None, body: object = None
) -> list[Problem]:
    """Translate a validation error into problems, in the order that pydantic found them.

    Args:
        error: What pydantic raised.
        pointer: JSON pointer of the validated value in the request's body.
        model: The model that refused; it knows its fields' units and names, for better texts.
        body: The validated value. pydantic names a union's member as a step of its own; with the body at
        hand, such
            steps, which lead nowhere in it, are left out of the pointers.
    """
    return [_problem(details, pointer, model, body) for details in error.errors(include_url=False)]


def pointer_to(pointer: str, location: Iterable[int | str]) -> str:
    """Return `pointer` followed by the steps of `location`. Source: RFC 6901, section 3."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "/".join((pointer, *steps))


def near_match(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" if something known looks like `word`, else nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


def shown(value: object) -> float | str:
    """Return what a caller sent in a form that is safe to send back: short, and valid JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value if value - value == 0 and abs(value) < 2**53 else str(value)[:_LONGEST_ACTUAL]
    if isinstance(value, str):
        return value[:_LONGEST_ACTUAL]
    return "null" if value is None else type(value).__name__


def _problem(details: ErrorDetails, pointer: str, model: type[BaseModel] | None, body: object) -> Problem:
    location = details["loc"] if body is None else _steps_within(body, details["loc"])
    code, limit = _code_and_limit(details)
    actual = None if code == "missing" else shown(details["input"])
    text = _text(details, limit, _unit(model, location))
    if code == "unknown_field":
        text = f"no field has the name {str(location[-1])!r}." + near_match(
            str(location[-1]), model.model_fields if model and len(location) == 1 else ()
        )
    return Problem(pointer_to(pointer, location), code, text, limit, actual)


def _steps_within(body: object, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the steps that lead somewhere in `body`; the last is kept, for a missing field is not there."""
    steps: list[int | str] = []
    for step in location:
        if (inner := _within(body, step)) is not _NOTHING:
            body = inner
        elif step != location[-1]:
            continue
        steps.append(step)
    return tuple(steps)


def _within(body: object, step: int | str) -> object:
    """Return what is at a step into `body`, `_NOTHING` if it leads nowhere."""
    match body, step:
        case (list() | tuple()) as items, int(index) if index < len(items):
            return items[index]
        case Mapping() as fields, _ if step in fields:
            return fields[step]
    return _NOTHING


_NOTHING = object()


def _code_and_limit(details: ErrorDetails) -> tuple[str, float | str | None]:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _BOUNDS:
        return "out_of_bounds", context[_BOUNDS[kind][0]]
    limit = next(
        (context[key] for key in ("expected", "expected_tags", "max_length") if key in context), None
    )
    if kind in _CODES:
        return _CODES[kind], limit
    return ("wrong_type" if kind.endswith(("_type", "_parsing", "_from_float")) else "invalid"), limit


def _text(details: ErrorDetails, limit: float | str | None, unit: str) -> str:
    kind = details["type"]
    if kind in _BOUNDS:
        return (
            f"must be {_BOUNDS[kind][1]} {limit:g}{unit}"
            if isinstance(limit, int | float)
            else details["msg"]
        )
    text = details["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _unit(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> str:
    """Return the unit, with a space before it, that the field declares in its JSON Schema."""
    if model is None or not location:
        return ""
    field = model.model_json_schema()["properties"].get(str(location[0]), {})
    units = [schema["unit"] for schema in (field, *field.get("anyOf", ())) if "unit" in schema]
    return f" {units[0]}" if units else ""
