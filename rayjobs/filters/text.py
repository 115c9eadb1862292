"""The filter that writes on a picture."""

from typing import Annotated, Literal

import pyvips
from pydantic import Field, StringConstraints
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import MAX_SIDE, Edit, Filter
from rayjobs.filters.fonts import BUILT_IN, Align, letters
from rayjobs.filters.overlaying import faded, laid_over, solid
from rayjobs.filters.paint import Colour, rgba
from rayjobs.filters.pixels import held, is_gray
from rayjobs.filters.placing import Gravity, place

_PLAIN = r"^[^\x00-\x09\x0b-\x1f]*[^\s\x00-\x1f][^\x00-\x09\x0b-\x1f]*$"
"""Something to see, and no control character but the line feed."""

_TRIED_AT = 100
"""px; the size at which a text is measured that is to have a width."""
_LONGEST_LINE = 10_000
"""px; of letters that are drawn to know the fonts: libvips's own bound is 32767."""


class Text(Edit):
    """Write a text on the picture, on a box of colour if wanted.

    Example:
        {"name": "text", "text": "© rayjobs", "size": 28, "colour": "white", "background": "#00000080"}
    """

    name: Literal["text"] = "text"
    text: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PLAIN)]
    """The text, without markup, up to 500 characters; a line feed ends a line."""
    size: Annotated[float, Field(ge=4, le=2000, json_schema_extra={"unit": "px"})] = 32.0
    """Height of the letters, in px; below 4 nobody can read them."""
    scale: Annotated[float, Field(gt=0, le=1)] | None = None
    """Part of the picture's width that the text takes, in place of `size`."""
    font: Annotated[str, StringConstraints(pattern=r"^[\w -]{1,60}$")] = BUILT_IN
    """Family and style, as "DejaVu Sans Bold". The built-in one looks alike on each machine; another must
    be installed on all of them; where it is missing, another font replaces it."""
    colour: Colour = "white"
    """Colour of the letters."""
    background: Colour = "transparent"
    """Colour of a box behind the letters."""
    padding: Annotated[int, Field(ge=0, le=1000, json_schema_extra={"unit": "px"})] = 8
    """Room round the letters in their box, in px."""
    gravity: Gravity = "south"
    """Place of the box."""
    margin: Annotated[int, Field(ge=0, le=MAX_SIDE, json_schema_extra={"unit": "px"})] = 16
    """Room between the box and the picture's border, in px."""
    align: Align = "center"
    """Where lines of different lengths meet."""
    wrap: bool = True
    """Break lines that are wider than the picture; otherwise the part beyond the border is cut off."""

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        mask = held(self._letters(image.width))
        if max(mask.width, mask.height) > MAX_SIDE:
            longest = max(mask.width, mask.height)
            raise FilterFailedError(
                f"text: the text is {longest} px long, the limit is {MAX_SIDE} px",
                limit=MAX_SIDE,
                actual=longest,
            )
        size = mask.width + 2 * self.padding, mask.height + 2 * self.padding
        place_of_box = place(self.gravity, (image.width, image.height), size, self.margin)
        mask = mask.embed(self.padding, self.padding, *size)
        written = self._inked(image, mask * 0 + 255, self.background, place_of_box)
        return self._inked(written, mask, self.colour, place_of_box)

    @override
    def surroundings(self) -> bytes:
        """Return the letters as the fonts of this machine draw them."""
        text, size = self.text.replace("\n", " "), min(self.size, _TRIED_AT)
        try:
            mask = letters(text, self.font, size, _LONGEST_LINE, "left")
            return b"%d " % mask.width + bytes(mask.write_to_memory())
        except pyvips.Error:  # the letters can't be drawn: the rendering reports it
            return b""

    def _letters(self, width: int) -> pyvips.Image:
        room = 2 * (self.margin + self.padding)
        if self.scale is None:
            most = max(1, width - room) if self.wrap else None
            return letters(self.text, self.font, self.size, most, self.align)
        tried = letters(self.text, self.font, _TRIED_AT, None, self.align)
        size = max(1.0, _TRIED_AT * self.scale * width / tried.width)
        return letters(self.text, self.font, size, None, self.align)

    def _inked(
        self, image: pyvips.Image, mask: pyvips.Image, colour: str, at: tuple[int, int]
    ) -> pyvips.Image:
        *ink, alpha = rgba(colour)
        if alpha == 0:
            return image
        gray = is_gray(image) and len(set(ink)) == 1
        above = solid(mask.cast("uchar"), ink[:1] if gray else ink)
        return laid_over(image, held(faded(above, alpha / 255)), at)


FILTERS: tuple[type[Filter], ...] = (Text,)
