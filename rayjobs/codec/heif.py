"""HEIC by libheif and libde265: the only door to pi-heif, which is loaded when the first such file comes."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips

from rayjobs.codec.truncation import unreadable
from rayjobs.filters.pixels import from_array

_ITEM = re.compile(rb"infe([\2\3])\0", re.DOTALL)
"""An item's entry, and its version. Source: ISO/IEC 14496-12, section 8.11.6."""


@dataclass(frozen=True)
class Opened:
    """A container that was read; no pixel is decoded yet."""

    picture: Any
    """pi-heif's own, untyped."""
    size: tuple[int, int]
    """Width and height, upright, in px."""
    info: dict[str, Any]
    mode: str
    """Pillow's word for the bands."""


def opened(data: bytes, name: str) -> Opened:
    """Read the container.

    Raises:
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header makes no sense.
    """
    import pi_heif
    from pi_heif import options

    # One slot a core is as fast as it gets; a thumbnail's or a depth map's own faults lose no picture.
    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    try:
        _check_items(data)
        picture = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        return Opened(picture, tuple(picture.size), dict(picture.info), picture.mode)
    except MemoryError:
        raise
    except Exception as error:
        # pi-heif raises ValueError, RuntimeError, EOFError, IndexError, ... for libheif's errors.
        raise unreadable(data, name, str(error)) from error


def _check_items(data: bytes) -> None:
    """Raise `ValueError` if an item's type or name is no text: pi-heif 1.4 would end the process."""
    for found in _ITEM.finditer(data):
        start = found.start()
        size = int.from_bytes(data[start - 4 : start], "big")
        texts = start + (12 if found[1] == b"\2" else 14)
        data[texts : start - 4 + size].decode("utf-8")


def pixels(opened: Opened, data: bytes, name: str) -> pyvips.Image:
    """Decode into uint8, gray or RGB, with or without alpha, turned upright by the decoder.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is broken.
    """
    try:
        # A copy: what the decoder lends is gone with `opened`, whoever still has an array over it.
        array = np.array(opened.picture)
    except MemoryError:
        raise
    except Exception as error:
        raise unreadable(data, name, str(error)) from error
    width, height = opened.size
    if array.shape[0] < height or array.shape[1] < width:
        found = f"its header says {width} x {height} px, its picture has {array.shape[1]} x {array.shape[0]}"
        raise unreadable(data, name, found)
    return from_array(array[:height, :width].reshape(height, width, -1))
