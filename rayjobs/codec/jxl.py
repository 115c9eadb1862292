"""JPEG XL by libjxl: the only door to pillow-jxl-plugin, which is loaded when the first such file comes.

The plugin decodes as soon as it opens, so the size is read here, from the first bits of the codestream, and
so are EXIF and XMP, from the boxes around it. The plugin gets the codestream alone: from the boxes it would
make the JPEG again that the picture may have been, with its orientation not applied and without its profile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyvips

from rayjobs.codec.boxes import Box, boxes
from rayjobs.codec.colour import needs_transform
from rayjobs.codec.metadata import HEAD, Metadata
from rayjobs.codec.truncation import unreadable
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import from_array, to_array

_SIGNATURE = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_ON_THE_SIDE = range(5, 9)  # orientations, as EXIF's
_INLINE = 0  # threads: one slot a core is as fast as it gets

_OF_CODESTREAM = {b"jxlc": 0, b"jxlp": 4}
"""Boxes that hold the codestream, or a part of it, and the bytes of a part's number before it."""

_OF_METADATA = {b"Exif": "exif", b"xml ": "xmp"}
"""Boxes of metadata. Those packed by Brotli (`brob`) are left out: no library here unpacks them."""

_FIRST = 64
"""Bytes of the codestream that the size and the orientation are within."""

_MOST_BOXES = 100_000
"""That are looked at, 50 ms worth; encoders write a dozen."""

_TIFF = re.compile(rb"II\*\0|MM\0\*")
"""What EXIF begins with; the box says where, but not every writer's does."""


@dataclass(frozen=True)
class Opened:
    """A file whose size is known, and not decoded yet."""

    data: bytes
    width: int
    height: int
    info: dict[str, bytes] = field(default_factory=dict)
    """As Pillow has it: `exif`, `xmp`, and once it is decoded the `icc_profile`, if it is not sRGB's."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in px."""
        return self.width, self.height


class _Bits:
    """Reads unsigned numbers, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("not enough data")
        number = self._value & (1 << count) - 1
        self._value >>= count
        self._left -= count
        return number


def opened(data: bytes, name: str = "jxl") -> Opened:
    """Return the picture's size, upright. Source: ISO/IEC 18181-1, annex D, SizeHeader, ImageMetadata."""
    try:
        bits = _Bits(_codestream(data, _FIRST)[2:34])
        is_small = bits.take(1)
        height = _side(bits, is_small)
        ratio = bits.take(3)
        if ratio:
            across, down = _RATIOS[ratio - 1]
            width = height * across // down
        else:
            width = _side(bits, is_small)
        is_default = bits.take(1)
        has_more = not is_default and bits.take(1)
        orientation = 1 + bits.take(3) if has_more else 1
    except ValueError as error:
        raise unreadable(data, name, str(error)) from error
    size = (height, width) if orientation in _ON_THE_SIDE else (width, height)
    return Opened(data, *size, _told(data))


def _side(bits: _Bits, is_small: int) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take((9, 13, 18, 30)[bits.take(2)])


def _told(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for kind, _, start, end in _boxes(data):
        if kind in _OF_METADATA:
            found.setdefault(_OF_METADATA[kind], data[start:end])
    head = _TIFF.search(found.get("exif", b""))
    return found | {"exif": found["exif"][head.start() :]} if head else found


def _codestream(data: bytes, most: int | None = None) -> bytes:
    """Return the codestream, or its first `most` bytes and some more, out of the boxes around it."""
    if data.startswith(_SIGNATURE):
        return data
    parts, size = list[bytes](), 0
    for kind, _, start, end in _boxes(data):
        if kind in _OF_CODESTREAM:
            first = start + _OF_CODESTREAM[kind]
            parts.append(data[first : min(end, first + most) if most else end])
            size += len(parts[-1])
            if most and size >= most:
                break
    if not parts:
        raise ValueError("there is no codestream in it")
    return b"".join(parts)


def _boxes(data: bytes) -> Iterator[Box]:
    return iter(()) if data.startswith(_SIGNATURE) else islice(boxes(data), _MOST_BOXES)


def pixels(picture: Opened) -> pyvips.Image:
    """Decode into uint8, gray or RGB, with or without alpha, upright; `picture.info` gets the profile."""
    from pillow_jxl import Decoder

    try:
        _, info, raw, profile, _ = Decoder(num_threads=_INLINE)(_codestream(picture.data))
        array = _as_uint8(raw, info.mode).reshape(info.height, info.width, -1)
    except MemoryError:
        raise
    except Exception as error:
        # Of libjxl's reasons the plugin passes none on: a cut file looks like a broken one.
        reason = "broken, or cut" if "Generic Error" in str(error) else str(error)
        raise unreadable(picture.data, "jxl", reason) from error
    # Of a file that has none, libjxl makes sRGB's up.
    if profile and needs_transform(profile):
        picture.info["icc_profile"] = profile
    return from_array(array)


def _as_uint8(raw: bytes, mode: str) -> np.ndarray:
    if mode.endswith("F") or mode.startswith("F"):
        wide = np.frombuffer(raw, np.float16 if mode == "F;16" else np.float32)
        return (wide.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    if "16" in mode:
        return (np.frombuffer(raw, np.uint16) >> 8).astype(np.uint8)
    return np.frombuffer(raw, np.uint8)


def encode(image: pyvips.Image, told: Metadata, *, quality: int, lossless: bool, effort: int) -> bytes:
    """Encode; the profile written is sRGB's, or gray's with its curve: the plugin takes no other.

    Args:
        image: uint8, 1 to 4 bands.
        told: What is written beside the pixels; IPTC is not, the format has no place for it.
        quality: 1 to 100, of no meaning if it is `lossless`.
        lossless: Not a pixel changes.
        effort: libjxl's, 1 to 9.

    Raises:
        EncodeFailedError: libjxl refused.
    """
    from pillow_jxl import Encoder

    try:
        encoder = Encoder(
            mode=_MODES[image.bands],
            lossless=lossless,
            quality=100 if lossless else quality,
            decoding_speed=0,
            effort=effort,
            use_container=False,
            use_original_profile=False,
            num_threads=_INLINE,
        )
        # The box begins with how far behind these 4 bytes the TIFF header is.
        exif = told.exif and bytes(4) + told.exif.removeprefix(HEAD)
        beside = {"exif": exif or None, "jumb": None, "xmp": told.xmp or None, "compress": False}
        encoded: bytes = encoder(
            to_array(image).tobytes(), image.width, image.height, jpeg_encode=False, **beside
        )
    except RuntimeError as error:
        raise EncodeFailedError(f"the picture can't be written as jxl: {error}") from error
    return encoded
