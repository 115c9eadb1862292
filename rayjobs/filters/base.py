"""The base of every filter: a frozen pydantic model with bounded fields, run on one picture after the other.

Pixels are a `pyvips.Image` of uint8 in sRGB with 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGBA) bands,
alpha not premultiplied; the decoder converts 16 bits, CMYK and palettes to that. libvips images are
immutable: no filter can change its input.

A filter is an `Edit` (most are), a `Composition` with a second picture, or an `Analysis`, which changes
nothing and describes the picture.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import pyvips
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.pixels import held

MAX_SIDE = 16384
"""Longest side of a result, in px: 16384 x 16384 RGB is 805 MB, and WebP ends at 16383."""

Side = Annotated[int, Field(ge=1, le=MAX_SIDE, json_schema_extra={"unit": "px"})]
"""A side of a result."""

Size = tuple[int, int]
"""Width and height, in px."""

Reference = Annotated[str, Field(pattern=r"^(sample:[\w.-]+|upload:u_\w+)$", max_length=255)]
"""Another picture: `sample:NAME` for one of rayjobs's own, or `upload:ID` for one that was uploaded."""


Facts = Callable[[], Mapping[str, JsonValue]]
"""Returns, when it is called, the facts that a picture's file contains about itself."""


def _no_other_picture(reference: str) -> pyvips.Image:
    raise FilterFailedError(f"{reference}: no other picture can be read here")


@dataclass(frozen=True)
class Scene:
    """What a filter may use beside the picture in hand, and where it puts its findings."""

    facts: Facts = dict
    picture: Callable[[str], pyvips.Image] = _no_other_picture
    """Returns another picture by its `Reference`, upright and held; raises `ItemError`."""
    findings: dict[str, JsonValue] = field(default_factory=dict)
    """Findings of the analyses, by their keys."""


class Filter(BaseModel, ABC):
    """One named operation on a picture, with bounded parameters."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    name: str

    streams: ClassVar[bool] = True
    """The filter reads its input once, from top to bottom, so that a picture larger than memory may pass."""

    costly: ClassVar[bool] = False
    """The result is held in memory before the next filter reads it: tile by tile, its margins would be
    computed again and again.

    For a cheap filter, to compute again is cheaper than the way through memory: holding each result cost
    15 ms of 115.
    """

    mixes: ClassVar[bool] = False
    """A pixel of the result depends on its neighbours: the cost grows with the picture's size, and the effect
    differs on a larger picture."""

    @abstractmethod
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        """Return the filtered picture.

        Args:
            image: uint8, sRGB, 1 to 4 bands; not changed.
            scene: Other pictures, and the place of findings.

        Returns:
            A picture of the same kind; lazy, so that faults of its source may show later.

        Raises:
            FilterFailedError: The filter can't be applied to a picture of this size.
            ItemError: Another picture can't be had.
        """

    def shrinks_to(self, size: Size) -> Size | None:
        """Return the size that the filter shrinks a picture to, None if it needs each pixel.

        A decoder may deliver a smaller picture than `size`, as long as it is well above the answer.
        """
        del size
        return None

    def surroundings(self) -> bytes:
        """Return what else decides the pixels, beside the parameters; the cache's key contains it."""
        return b""

    @classmethod
    def title(cls) -> str:
        """Return the name under which a request asks for it."""
        title: str = cls.model_fields["name"].default
        return title

    @classmethod
    def summary(cls) -> str:
        """Return what the filter does: the first line of its docstring."""
        return (cls.__doc__ or "").partition("\n")[0]

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Return the example of the docstring: the filter as a request contains it."""
        parsed: dict[str, Any] = json.loads((cls.__doc__ or "").partition("Example:\n")[2])
        return parsed


class Edit(Filter):
    """A filter that needs nothing but the picture."""

    @override
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        return self.apply(image)

    @abstractmethod
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return the filtered picture; arguments, result and errors are those of `run`."""


class Composition(Filter):
    """A filter that puts a second picture on the first."""

    picture: Reference
    """The picture to put on: `sample:NAME` or `upload:ID`."""

    @override
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        return self.compose(image, scene.picture(self.picture))

    @abstractmethod
    def compose(self, image: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
        """Return the picture with `other` on it; result and errors are those of `run`."""


class Analysis(Filter):
    """A filter that leaves the picture as it is, and puts a finding into the item's `analysis`."""

    streams: ClassVar[bool] = False

    key: Annotated[str, Field(pattern=r"^\w{1,40}$")] | None = None
    """Key of the finding in the item's `analysis`; the filter's name if left out."""

    @property
    def answers_to(self) -> str:
        """The key of the finding in the item's `analysis`."""
        return self.key or self.name

    @override
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        known = held(image)  # the analysis reads it, and so does the next filter
        scene.findings[self.answers_to] = self.analyse(known, scene.facts)
        return known

    @abstractmethod
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        """Return a small JSON value, some kB at most: the record of the batch contains it.

        Args:
            image: As for `run`.
            facts: Returns the facts of the picture's file.
        """
