"""Listing a folder: which of its entries are items, which are told beside them, and which are left out.

Whatever a file system holds, the listing goes on: an entry that can't be read is an item that fails when it
is read; one that can't be an item at all, and a folder that can't be listed, is told in the remarks.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from rayjobs.codec import SUFFIXES
from rayjobs.errors import Problem, SourceForbiddenError

MAX_WARNINGS = 50
"""Entries that a listing tells by name; of more, their number: a batch is kept and sent with them."""

_POINTER = "/source/path"
_LONGEST_NAME = 200
"""Characters of a path that a warning shows, the last ones; arbitrary, it only has to be short."""

_HIDDEN = frozenset(
    {
        *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini"),
    }
)
"""Names, in lower case, of what systems put beside a user's files without being asked."""


class Remarks:
    """What a listing tells beside its items; it grows while the listing goes on."""

    def __init__(self) -> None:
        self._warnings: list[Problem] = []
        self._untold = 0
        self.left_out = 0
        """Hidden entries; a hidden folder is one, whatever is in it."""

    def warn(self, path: str, code: str, why: str) -> None:
        """Tell of an entry that is no item."""
        if len(self._warnings) < MAX_WARNINGS:
            name = _escaped(path)
            self._warnings.append(Problem(_POINTER, code, f"{name} {why}", actual=name))
        else:
            self._untold += 1

    def as_json(self) -> dict[str, Any]:
        """Return all of it as the record keeps it: `warnings` and `left_out`."""
        told = list(self._warnings)
        if self._untold:
            detail = f"{self._untold} more entries are no items, and are not told one by one"
            told.append(
                Problem(_POINTER, "too_many", detail, limit=MAX_WARNINGS, actual=MAX_WARNINGS + self._untold)
            )
        return {"warnings": [each.as_json() for each in told], "left_out": self.left_out}


def is_hidden(name: str) -> bool:
    """Whether an entry is one that people do not mean when they name the folder it is in."""
    return name.startswith(".") or name.casefold() in _HIDDEN


def walk(folder: str, matches: Callable[[str], object], remarks: Remarks, *, hidden: bool) -> Iterator[str]:
    """Give the matching files below a folder, each folder's own files first, both in sorted order.

    It holds the entries of one folder at a time, and goes into no link.

    Args:
        folder: The folder.
        matches: Whether a path below it, with `/` between its parts, is asked for.
        remarks: Are told of what can't be an item, and of what is left out.
        hidden: Whether hidden entries are taken too.

    Raises:
        OSError: The folder itself can't be listed.
    """
    waiting = [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        below: list[tuple[str, str]] = []
        for entry in _entries(here, remarks, is_first=not prefix):
            name = prefix + entry.name
            if is_hidden(entry.name) and not hidden:
                remarks.left_out += 1
            elif _is_folder(entry):
                if _can_be_told(entry, remarks):
                    below.append((entry.path, f"{name}/"))
            elif _leads_to_folder(entry):
                why = "is a link to a folder and is not followed: it could lead in a circle; name its target"
                remarks.warn(entry.path, "link_not_followed", why)
            elif matches(name) and _can_be_told(entry, remarks):
                yield entry.path
        waiting += reversed(below)


def _entries(here: str, remarks: Remarks, *, is_first: bool) -> list["os.DirEntry[str]"]:
    """Return a folder's entries in sorted order, as far as they can be listed."""
    found: list[os.DirEntry[str]] = []
    try:
        with closing(os.scandir(here)) as entries:
            found.extend(entries)
    except OSError as error:
        if is_first:
            raise
        remarks.warn(here, SourceForbiddenError.code, f"can't be listed: {error.strerror or error}")
    return sorted(found, key=lambda entry: entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder, not a link to one; what can't be looked at is none."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _leads_to_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a link to a folder; one that leads nowhere is none, and fails when it is read."""
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def _can_be_told(entry: "os.DirEntry[str]", remarks: Remarks) -> bool:
    """Whether JSON can carry the name of an entry: else the remarks say so."""
    try:
        entry.path.encode()
    except UnicodeEncodeError:
        why = "has a name that is not UTF-8, which no answer can carry; rename it"
        remarks.warn(entry.path, "name_not_utf8", why)
        return False
    return True


def _escaped(path: str) -> str:
    r"""Return a path as text that JSON can carry: bytes that are no UTF-8 as `\xe9`."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if len(text) <= _LONGEST_NAME else f"...{text[-_LONGEST_NAME:]}"


def matcher(pattern: str | None) -> Callable[[str], object]:
    """Return what tells whether a path below the folder has a pattern with `*`, `?` and `**/`.

    Without a pattern: whether it has the suffix of a picture. The time it takes is bounded by the product of
    both lengths, whatever they hold: a listing shares its process with all others.
    """
    if pattern is None:
        suffixes = "|".join(re.escape(suffix) for suffix in sorted(SUFFIXES))
        return re.compile(rf"(?is:.*\.(?:{suffixes}))").fullmatch
    *folders, name = pattern.split("/")
    steps = [None if each == "**" else _part(each) for each in folders] + [_part(name)]
    return lambda path: _has_steps(path.split("/"), steps)


def _part(pattern: str) -> "re.Pattern[str]":
    """Return the expression of one part of a path, in which `*` and `?` stand for characters.

    What stands between two `*` is taken where it comes first, and never looked for again: no other place
    could help what follows.
    """
    first, *others = (
        "".join("." if each == "?" else re.escape(each) for each in piece)
        for piece in re.split(r"\*+", pattern)
    )
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return re.compile(f"(?s:{first}{middle}{f'.*{others[-1]}' if others else ''})")


def _has_steps(names: list[str], steps: "list[re.Pattern[str] | None]") -> bool:
    """Whether a path's parts are those of a pattern, in which None stands for any folders."""
    at = step = 0
    again: tuple[int, int] | None = None
    while at < len(names):
        if step < len(steps) and steps[step] is None:
            again = (step + 1, at)
            step += 1
        elif step < len(steps) and (part := steps[step]) is not None and part.fullmatch(names[at]):
            step, at = step + 1, at + 1
        elif again is not None:
            again = (again[0], again[1] + 1)
            step, at = again
        else:
            return False
    return step == len(steps)
