"""The filters, and the catalogue that validation, docs, `GET /filters` and the web form are made from.

Adding one: a class in the file of its family, a line in `_FILTERS` and in `FilterSpec`, a test.
"""

from typing import Annotated, Any

from pydantic import Field

from rayjobs.filters.base import Filter
from rayjobs.filters.detail import Blur, Edges, Sharpen
from rayjobs.filters.geometry import AutoOrient, Crop, Flip, Rotate
from rayjobs.filters.scale import Resize, Thumbnail
from rayjobs.filters.tone import Brightness, Contrast, Grayscale, Saturation

_FILTERS: tuple[type[Filter], ...] = (
    Resize,
    Thumbnail,
    Crop,
    Rotate,
    Flip,
    AutoOrient,
    Grayscale,
    Brightness,
    Contrast,
    Saturation,
    Blur,
    Sharpen,
    Edges,
)

CATALOGUE: dict[str, type[Filter]] = {cls.model_fields["name"].default: cls for cls in _FILTERS}
"""Every filter by its name, in the order that docs show them."""

FilterSpec = Annotated[
    Resize
    | Thumbnail
    | Crop
    | Rotate
    | Flip
    | AutoOrient
    | Grayscale
    | Brightness
    | Contrast
    | Saturation
    | Blur
    | Sharpen
    | Edges,
    Field(discriminator="name"),
]
"""One filter as a request carries it, for the JSON Schema of the API; the same classes as `CATALOGUE`."""


def describe() -> list[dict[str, Any]]:
    """Return name, summary (the docstring's first line) and JSON Schema of each filter."""
    return [
        {"name": name, "summary": (cls.__doc__ or "").partition("\n")[0], "schema": cls.model_json_schema()}
        for name, cls in CATALOGUE.items()
    ]
