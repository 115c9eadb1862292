"""Animations: the frames are filtered one by one, then joined for the encoder."""

from collections.abc import Sequence

import pyvips

from rayjobs.codec.frames import ANIMATED
from rayjobs.codec.header import Header
from rayjobs.errors import EncodeFailedError


def is_animated(header: Header) -> bool:
    """Return whether the source is an animation of several frames."""
    return header.frames > 1 and header.format.name in ANIMATED


def joined(frames: Sequence[pyvips.Image], header: Header) -> pyvips.Image:
    """Return the frames as libvips writes them: below each other, with the source's delays and loop count.

    Raises:
        EncodeFailedError: The filtered frames have different sizes.
    """
    sizes = {(frame.width, frame.height) for frame in frames}
    if len(sizes) > 1:
        listed = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise EncodeFailedError(f"the filtered frames of one animation have different sizes: {listed}")
    most = max(frame.bands for frame in frames)
    uniform = [frame if frame.bands == most else frame.bandjoin(255) for frame in frames]
    tall = pyvips.Image.arrayjoin(uniform, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    for name in ("delay", "loop"):
        if header.lazy.get_typeof(name):
            tall.set_type(header.lazy.get_typeof(name), name, header.lazy.get(name))
    return tall
