"""What every filter is: a frozen, bounded pydantic model with one `apply`.

Pixels are a `pyvips.Image` of uint8 in sRGB with 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGBA) bands,
alpha not premultiplied. libvips images are immutable: no filter can change its input.
"""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

import pyvips
from pydantic import BaseModel, ConfigDict, Field

MAX_SIDE = 16384
"""Longest side of a result, in px: 16384 x 16384 RGB is 805 MB, and WebP ends at 16383."""

Side = Annotated[int, Field(ge=1, le=MAX_SIDE, json_schema_extra={"unit": "px"})]
"""A side of a result."""

Size = tuple[int, int]
"""Width and height, in px."""


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

    @abstractmethod
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return the filtered picture.

        Args:
            image: uint8, sRGB, 1 to 4 bands; not changed.

        Returns:
            A picture of the same kind; lazy, so that faults of its source may show later.

        Raises:
            FilterFailedError: The filter can't be applied to a picture of this size.
        """

    def shrinks_to(self, size: Size) -> Size | None:
        """Return the size that a picture is brought down to, None if each of its pixels counts.

        A decoder may deliver a smaller picture than `size`, as long as it is well above the answer.
        """
        del size
        return None
