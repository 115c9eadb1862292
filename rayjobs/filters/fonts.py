"""Letters as masks, by Pango, which is inside of libvips's wheel; they need no font on the machine."""

import atexit
import os
import tempfile
from functools import cache
from html import escape
from typing import Literal

import pyvips
from PIL import ImageFont

BUILT_IN = "Aileron"
"""The font that Pillow carries within: it is on every machine, and looks alike on all. Letters that it
lacks (it has those of English) come from the machine's own fonts."""

Align = Literal["left", "center", "right"]

_LINE_ENDS = {"left": "low", "center": "centre", "right": "high"}


def letters(text: str, font: str, size: float, width: int | None, align: Align) -> pyvips.Image:
    """Return the text as a mask, one band: 255 where there is ink.

    Args:
        text: Plain; nothing in it is markup.
        font: Family, and style if any, as "Aileron" or "DejaVu Sans Bold"; another font replaces one that
            is missing.
        size: Of the letters, in px.
        width: Where lines are broken, in px; None breaks them at the text's own ends only.
        align: Where lines of different lengths meet.
    """
    options = {} if width is None else {"width": width, "wrap": "word-char"}
    # At 72 dots an inch a point is a pixel.
    return pyvips.Image.text(
        escape(text, quote=False),
        font=f"{font} {size:g}",
        fontfile=_built_in_file(),
        align=_LINE_ENDS[align],
        dpi=72,
        **options,
    )


@cache
def _built_in_file() -> str:
    """Return a path from which fontconfig can read the built-in font, once for the process."""
    font = ImageFont.load_default(10)
    content: bytes = font.font_bytes  # type: ignore[union-attr]  # FreeType is in every wheel of Pillow
    if hasattr(os, "memfd_create"):  # in memory: the process may not be allowed to write any file
        file = os.memfd_create(BUILT_IN)
        os.write(file, content)
        return f"/proc/self/fd/{file}"
    with tempfile.NamedTemporaryFile(prefix="rayjobs-", suffix=".ttf", delete=False) as made:
        made.write(content)
    atexit.register(os.unlink, made.name)
    return made.name
