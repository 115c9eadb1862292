"""Pictures that move: their frames apart for the filters, and together again for the file."""

from collections.abc import Sequence

import pyvips

from rayjobs.codec.frames import ANIMATED
from rayjobs.codec.header import Header
from rayjobs.errors import EncodeFailedError


def is_animated(header: Header) -> bool:
    """Say whether the source has several frames that belong together."""
    return header.frames > 1 and header.format.name in ANIMATED


def joined(frames: Sequence[pyvips.Image], header: Header) -> pyvips.Image:
    """Return the frames as libvips writes them: on top of each other, with the source's times.

    Raises:
        EncodeFailedError: The filters left frames of several sizes.
    """
    sizes = {(frame.width, frame.height) for frame in frames}
    if len(sizes) > 1:
        told = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise EncodeFailedError(f"frames of one animation came out in several sizes: {told}")
    most = max(frame.bands for frame in frames)
    even = [frame if frame.bands == most else frame.bandjoin(255) for frame in frames]
    tall = pyvips.Image.arrayjoin(even, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    for name in ("delay", "loop"):
        if header.lazy.get_typeof(name):
            tall.set_type(header.lazy.get_typeof(name), name, header.lazy.get(name))
    return tall
