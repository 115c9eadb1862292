"""What every filter is: a frozen, bounded pydantic model that is run on one picture after the other.

Pixels are a `pyvips.Image` of uint8 in sRGB with 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGBA) bands,
alpha not premultiplied; the decoder has brought 16 bits, CMYK and palettes to that. libvips images are
immutable: no filter can change its input.

A filter is an `Edit` (most are), a `Composition` with a second picture, or an `Analysis`, which changes
nothing and says something of the picture.
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
"""Another picture: `sample:NAME`, one that is shipped, or `upload:ID`, one that was sent before."""


Facts = Callable[[], Mapping[str, JsonValue]]
"""Tells, when it is asked, what a picture's file says of itself."""


def _no_other_picture(reference: str) -> pyvips.Image:
    raise FilterFailedError(f"{reference}: no other picture can be read here")


@dataclass(frozen=True)
class Scene:
    """What a filter may ask for beside the picture in hand, and where it puts what it found out."""

    facts: Facts = dict
    picture: Callable[[str], pyvips.Image] = _no_other_picture
    """Returns another picture by its `Reference`, upright and held; raises `ItemError`."""
    findings: dict[str, JsonValue] = field(default_factory=dict)
    """What analyses found, by their keys."""


class Filter(BaseModel, ABC):
    """One named operation on a picture, with bounded parameters."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    name: str

    streams: ClassVar[bool] = True
    """The filter reads its input once, from top to bottom, so that a picture larger than memory may pass."""

    costly: ClassVar[bool] = False
    """The result is held before the next filter has it: asked for tile by tile, margins would be made
    again and again.

    Of a cheap filter the making is cheaper than the memory's round trip: holding each result cost 15 ms of
    115.
    """

    mixes: ClassVar[bool] = False
    """A pixel of the result depends on its neighbours: the cost is that of the picture's size, and what it
    does is another thing on a larger picture."""

    @abstractmethod
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        """Return what comes of the picture.

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
        """Return the size that a picture is brought down to, None if each of its pixels counts.

        A decoder may deliver a smaller picture than `size`, as long as it is well above the answer.
        """
        del size
        return None

    def surroundings(self) -> bytes:
        """Return what decides its pixels beside its parameters: where that differs, so may they."""
        return b""

    @classmethod
    def title(cls) -> str:
        """Return the name under which a request asks for it."""
        title: str = cls.model_fields["name"].default
        return title

    @classmethod
    def summary(cls) -> str:
        """Return what it does, in one line: the first of its docstring."""
        return (cls.__doc__ or "").partition("\n")[0]

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Return the example of its docstring: the filter as a request has it."""
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
    """A filter that passes the picture on as it is, and says something of it in the item's `analysis`."""

    streams: ClassVar[bool] = False

    key: Annotated[str, Field(pattern=r"^\w{1,40}$")] | None = None
    """Name of the answer in the item's `analysis`; the filter's own if left out."""

    @property
    def answers_to(self) -> str:
        """The name under which the answer stands."""
        return self.key or self.name

    @override
    def run(self, image: pyvips.Image, scene: Scene) -> pyvips.Image:
        known = held(image)  # it is read by the analysis, and by what comes after
        scene.findings[self.answers_to] = self.analyse(known, scene.facts)
        return known

    @abstractmethod
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        """Return a small JSON value, some kB at most: it stands in the record of the batch.

        Args:
            image: As for `run`.
            facts: Of the picture's file.
        """
