"""The filters, and the catalogue that validation, docs and `GET /filters` are made from.

Adding one: a class in the file of its family, with an example in its docstring, named in that file's
`FILTERS`. A user's own needs no change here: see `plugins`.
"""

from functools import cache
from typing import Any

from rayjobs.filters import (
    analyse,
    canvas,
    colour,
    compose,
    cropping,
    detail,
    frame,
    geometry,
    hashes,
    levels,
    light,
    outline,
    placeholders,
    privacy,
    rank,
    scale,
    stylize,
    text,
    texture,
    tint,
    tone,
)
from rayjobs.filters.base import Filter
from rayjobs.filters.plugins import Plugin, load

FAMILIES: dict[str, tuple[type[Filter], ...]] = {
    "geometry": (*scale.FILTERS, *cropping.FILTERS, *canvas.FILTERS, *geometry.FILTERS),
    "colour": (*tone.FILTERS, *levels.FILTERS, *stylize.FILTERS, *colour.FILTERS, *tint.FILTERS),
    "detail": (*detail.FILTERS, *rank.FILTERS, *outline.FILTERS, *texture.FILTERS),
    "compose": (*compose.FILTERS, *text.FILTERS, *frame.FILTERS, *light.FILTERS),
    "privacy": privacy.FILTERS,
    "analyse": (*analyse.FILTERS, *hashes.FILTERS, *placeholders.FILTERS),
}
"""Every filter of ours by its family, in the order that docs show them."""

CATALOGUE: dict[str, type[Filter]] = {cls.title(): cls for family in FAMILIES.values() for cls in family}
"""Every filter of ours by its name."""


@cache
def plugins() -> tuple[Plugin, ...]:
    """Return the plug-ins, which are users' own filters; they are read once, at the first call."""
    return load(CATALOGUE)


def known() -> dict[str, type[Filter]]:
    """Return every filter by its name, users' own too."""
    return CATALOGUE | {each.name: each.filter for each in plugins() if each.filter}


def plugin_versions() -> dict[str, str]:
    """Return the version of each package that brings a filter."""
    return {each.package: each.version for each in plugins() if each.filter}


def describe() -> list[dict[str, Any]]:
    """Return name, family, summary, example and JSON Schema of each filter."""
    families = {cls: family for family, classes in FAMILIES.items() for cls in classes}
    return [
        {
            "name": name,
            "family": families.get(cls, "plug-in"),
            "summary": cls.summary(),
            "example": cls.example(),
            "schema": cls.model_json_schema(),
        }
        for name, cls in known().items()
    ]
