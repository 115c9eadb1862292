"""The filters, and the catalogue that validation, docs, `GET /filters` and the web form are made from.

Adding one: a class in the file of its family, with an example in its docstring, named in that file's
`FILTERS`.
"""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

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

FAMILIES: dict[str, tuple[type[Filter], ...]] = {
    "geometry": (*scale.FILTERS, *cropping.FILTERS, *canvas.FILTERS, *geometry.FILTERS),
    "colour": (*tone.FILTERS, *levels.FILTERS, *stylize.FILTERS, *colour.FILTERS, *tint.FILTERS),
    "detail": (*detail.FILTERS, *rank.FILTERS, *outline.FILTERS, *texture.FILTERS),
    "compose": (*compose.FILTERS, *text.FILTERS, *frame.FILTERS, *light.FILTERS),
    "privacy": privacy.FILTERS,
    "analyse": (*analyse.FILTERS, *hashes.FILTERS, *placeholders.FILTERS),
}
"""Every filter by its family, in the order that docs show them."""

CATALOGUE: dict[str, type[Filter]] = {cls.title(): cls for family in FAMILIES.values() for cls in family}
"""Every filter by its name."""

if TYPE_CHECKING:
    FilterSpec = Filter
else:
    FilterSpec = Annotated[Union[tuple(CATALOGUE.values())], Field(discriminator="name")]  # noqa: UP007
    """One filter as a request carries it, for the JSON Schema of the API."""


def describe() -> list[dict[str, Any]]:
    """Return name, family, summary, example and JSON Schema of each filter."""
    return [
        {
            "name": cls.title(),
            "family": family,
            "summary": cls.summary(),
            "example": cls.example(),
            "schema": cls.model_json_schema(),
        }
        for family, classes in FAMILIES.items()
        for cls in classes
    ]
