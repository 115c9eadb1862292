"""Names of output files: from the batch's template and the item alone.

So a repeated attempt writes the same name, and two items never share one: a template with `{index}` can't
collide; any other is rendered for every item and refused where two names meet. Names
are compared without case, as the file systems of Windows and macOS do.
"""

import re
import string
from collections.abc import Iterable

from rayjobs.errors import OutputNameError, Problem
from rayjobs.item import Item

FIELDS = ("index", "stem", "ext", "custom_id")
"""What a template may name."""

MAX_NAME_BYTES = 240
"""Bytes of one part of a name: file systems take 255, and the temporary name adds a few."""

_POINTER = "/output/name"
_SPECS = {
    "index": re.compile(r"(0?\d{1,2}d?)?"),
    "stem": re.compile(""),
    "ext": re.compile(""),
    "custom_id": re.compile(""),
}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_template(template: str) -> None:
    """Raise `OutputNameError` unless the template names known fields and stays in its folder."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise _refused(f"{template!r} is not a template: {error}", template) from error
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in FIELDS:
            raise _refused(f"{{{field}}} is not a field of a name; there are {', '.join(FIELDS)}", template)
        if conversion or not _SPECS[field].fullmatch(spec or ""):
            raise _refused(
                f"{{{field}:{spec}}}: only {{index}} takes a format, such as {{index:06d}}", template
            )
    name(template, Item(0, "x", "x"), "x")


def is_unique(template: str) -> bool:
    """Whether no two items can have the same name, whatever they are called."""
    return any(name == "index" for _, name, _, _ in string.Formatter().parse(template))


def name(template: str, item: Item, ext: str) -> str:
    """Return the output's name, relative to the batch's folder, with `/` between its parts.

    Raises:
        OutputNameError: The name is too long, or would leave the folder.
    """
    fields = {
        "index": item.index,
        "stem": safe(item.stem),
        "ext": ext,
        "custom_id": safe(item.custom_id or ""),
    }
    rendered = template.format(**fields)
    _check_path(rendered, template)
    return rendered


def check_names(template: str, items: Iterable[Item], ext: str) -> None:
    """Raise `OutputNameError`, with both indices, if two items would write the same name."""
    seen: dict[str, int] = {}
    for item in items:
        rendered = name(template, item, ext)
        other = seen.setdefault(rendered.casefold(), item.index)
        if other != item.index:
            raise _refused(
                f"items {other} and {item.index} would both be written as {rendered!r}; "
                "add {index} to the name",
                template,
            )


def safe(text: str) -> str:
    """Return text as one part of a name on every platform, never empty, `.` or `..`."""
    cleaned = _UNSAFE.sub("_", text).strip(". ")
    cleaned = cleaned.encode("utf-8", "replace")[: MAX_NAME_BYTES - 40].decode("utf-8", "ignore")
    return f"_{cleaned}" if not cleaned or _RESERVED.fullmatch(cleaned) else cleaned


def _check_path(path: str, template: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in parts[:-1]):
        raise _refused(f"{template!r} would leave the batch's folder", template)
    if parts[-1] in (".", "..") or _UNSAFE.search(path.replace("/", "")):
        raise _refused(f"{template!r} is not a file's name on every platform", template)
    longest = max(len(part.encode("utf-8", "replace")) for part in parts)
    if longest > MAX_NAME_BYTES:
        raise _refused(f"a part of the name has {longest} bytes, the limit is {MAX_NAME_BYTES}", template)


def _refused(detail: str, template: str) -> OutputNameError:
    return OutputNameError(detail, [Problem(_POINTER, "output_conflict", detail, actual=template)])
