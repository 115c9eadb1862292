"""HEIC, decoded by libheif and libde265. Only this module uses pi-heif; the first HEIC file loads it."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips

from rayjobs.codec.truncation import unreadable
from rayjobs.filters.pixels import from_array

_ITEM = re.compile(rb"infe([\2\3])\0", re.DOTALL)
"""The entry of an item, with its version. Source: ISO/IEC 14496-12, section 8.11.6."""


@dataclass(frozen=True)
class Opened:
    """A container whose header is read; no pixel is decoded yet."""

    picture: Any
    """The picture of pi-heif, which has no types."""
    size: tuple[int, int]
    """Width and height, upright, in px."""
    info: dict[str, Any]
    mode: str
    """The mode, as Pillow names it."""


def opened(data: bytes, name: str) -> Opened:
    """Read the header of the container.

    Raises:
        TruncatedError: The file ends within its header.
        DecodeFailedError: The header is invalid.
    """
    import pi_heif
    from pi_heif import options

    # One thread: each core has a slot already. A damaged thumbnail or depth map must not lose the picture, so
    # pi-heif does not read them.
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
    """Raise `ValueError` if the type or name of an item is no UTF-8: pi-heif 1.4 would end the process."""
    for found in _ITEM.finditer(data):
        start = found.start()
        size = int.from_bytes(data[start - 4 : start], "big")
        texts = start + (12 if found[1] == b"\2" else 14)
        data[texts : start - 4 + size].decode("utf-8")


def pixels(opened: Opened, data: bytes, name: str) -> pyvips.Image:
    """Decode into uint8, gray or RGB, with or without alpha; the decoder turns the picture upright.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged.
    """
    try:
        # A copy: the decoder frees its buffer with `opened`, even while an array refers to it.
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
