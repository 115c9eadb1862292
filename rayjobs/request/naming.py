"""Names of output files: from the batch's template and the item alone.

So a repeated attempt writes the same name, and two items never share one: `outputs` sees to it.
"""

import re
import string
import unicodedata

from rayjobs.errors import OutputNameError, Problem
from rayjobs.model.item import Item

FIELDS = ("index", "stem", "ext", "custom_id", "variant")
"""What a template may name; the last only where there are variants."""

MAX_NAME_BYTES = 240
"""Bytes of one part of a name: file systems take 255, and the temporary name adds a few."""

_INDEX_SPEC = re.compile(r"(0?\d{1,2}d?)?")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_template(template: str, pointer: str = "/output/name", *, has_variants: bool = False) -> None:
    """Raise `OutputNameError` unless the template names known fields and stays in its folder.

    Args:
        template: The template.
        pointer: JSON pointer to it in the request's body.
        has_variants: Whether it names files of variants.
    """
    try:
        _check_fields(template, FIELDS if has_variants else FIELDS[:-1])
        name(template, Item(0, "x", "x"), "x", "x")
    except OutputNameError as error:
        problem = Problem(pointer, error.code, error.detail, actual=template)
        raise OutputNameError(error.detail, [problem]) from error


def _check_fields(template: str, fields: tuple[str, ...]) -> None:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise OutputNameError(f"{template!r} is not a template: {error}") from error
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in fields:
            raise OutputNameError(f"{{{field}}} is not a field of a name; there are {', '.join(fields)}")
        if conversion or not (_INDEX_SPEC.fullmatch(spec or "") if field == "index" else not spec):
            raise OutputNameError(f"{{{field}:{spec}}}: only {{index}} takes a format, such as {{index:06d}}")


def has_field(template: str, field: str) -> bool:
    """Whether the template names a field."""
    return any(name == field for _, name, _, _ in string.Formatter().parse(template))


_MARKS = {None: "", "index": "<", "ext": ">"}
"""Stand for fields in a template's outline, a `?` for any other: characters that no name has."""
_AT_THE_START = re.compile(r"[^<>?]*<(?:[^<>?\d].*)?")
_AT_THE_END = re.compile(r"(?:.*[^<>?\d])?<[^<>?]*>?")


def is_unique(template: str) -> bool:
    """Whether no two items can have the same name, whatever they are called.

    The index must be told from what stands beside it: `{index}{stem}` of the items 1 and 11 is the same where
    one is called `1a` and the other `a`.
    """
    parts = string.Formatter().parse(template)
    outline = "".join(literal + _MARKS.get(field, "?") for literal, field, _, _ in parts)
    return any(_AT_THE_START.fullmatch(part) or _AT_THE_END.fullmatch(part) for part in outline.split("/"))


def name(template: str, item: Item, ext: str, variant: str = "") -> str:
    """Return the output's name, relative to the batch's folder, with `/` between its parts.

    Raises:
        OutputNameError: The name is too long, or would leave the folder.
    """
    fields = {
        "index": item.index,
        "stem": safe(item.stem),
        "ext": ext,
        "custom_id": safe(item.custom_id or ""),
        "variant": variant,
    }
    rendered = template.format(**fields)
    _check_path(rendered, template)
    return rendered


def safe(text: str) -> str:
    """Return text as one part of a name on every platform, never empty, `.` or `..`."""
    cleaned = _UNSAFE.sub("_", text).strip(". ")
    cleaned = cleaned.encode("utf-8", "replace")[: MAX_NAME_BYTES - 40].decode("utf-8", "ignore")
    return f"_{cleaned}" if not cleaned or _RESERVED.fullmatch(cleaned) else cleaned


def folded(path: str) -> str:
    """Return what is the same of two names that some file system takes for one.

    It is their form without upper and lower case, and with each accent apart from its letter.
    Source: The Unicode Standard, section 3.13, canonical caseless matching.
    """
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _check_path(path: str, template: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in parts[:-1]):
        raise OutputNameError(f"{template!r} would leave the batch's folder")
    if parts[-1] in (".", "..") or _UNSAFE.search(path.replace("/", "")):
        raise OutputNameError(f"{template!r} is not a file's name on every platform")
    longest = max(len(part.encode("utf-8", "replace")) for part in parts)
    if longest > MAX_NAME_BYTES:
        raise OutputNameError(f"a part of the name has {longest} bytes, the limit is {MAX_NAME_BYTES}")
