"""JPEG XL by libjxl. Only this module uses pillow-jxl-plugin; the first JPEG XL file loads it.

The plugin decodes as soon as it opens a file. So this module reads the size from the first bits of the
codestream, and EXIF and XMP from the boxes around it. The plugin gets the codestream alone: with the boxes it
would restore the JPEG from which the file was made, without its orientation and profile.
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
_SIDEWAYS = range(5, 9)  # orientations, numbered as in EXIF
_INLINE = 0  # threads: each core has a slot already

_OF_CODESTREAM = {b"jxlc": 0, b"jxlp": 4}
"""Boxes of the codestream, whole or in parts: the bytes before it, which number a part."""

_OF_METADATA = {b"Exif": "exif", b"xml ": "xmp"}
"""Boxes of metadata. Those compressed with Brotli (`brob`) are left out: no library here decompresses
them."""

_FIRST = 64
"""Bytes of the codestream that contain the size and the orientation."""

_MOST_BOXES = 100_000
"""Boxes that are read, in 50 ms; encoders write a dozen."""

_TIFF = re.compile(rb"II\*\0|MM\0\*")
"""The first bytes of EXIF. The box should have their offset, but not every writer's is right."""


@dataclass(frozen=True)
class Opened:
    """A file whose header is read; no pixel is decoded yet."""

    data: bytes
    width: int
    height: int
    info: dict[str, bytes] = field(default_factory=dict)
    """Pillow's keys: `exif`, `xmp`, and after decoding `icc_profile`, if it is not sRGB's."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in px."""
        return self.width, self.height


class _Bits:
    """A reader of unsigned numbers, least significant bit first."""

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
    size = (height, width) if orientation in _SIDEWAYS else (width, height)
    return Opened(data, *size, _metadata(data))


def _side(bits: _Bits, is_small: int) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take((9, 13, 18, 30)[bits.take(2)])


def _metadata(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for kind, _, start, end in _boxes(data):
        if kind in _OF_METADATA:
            found.setdefault(_OF_METADATA[kind], data[start:end])
    head = _TIFF.search(found.get("exif", b""))
    return found | {"exif": found["exif"][head.start() :]} if head else found


def _codestream(data: bytes, most: int | None = None) -> bytes:
    """Return the codestream from its boxes; only its first `most` bytes, or some more, if `most` is given."""
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
        raise ValueError("the file has no codestream")
    return b"".join(parts)


def _boxes(data: bytes) -> Iterator[Box]:
    return iter(()) if data.startswith(_SIGNATURE) else islice(boxes(data), _MOST_BOXES)


def pixels(picture: Opened) -> pyvips.Image:
    """Decode into uint8, gray or RGB, with or without alpha, upright; adds the profile to `info`."""
    from pillow_jxl import Decoder

    try:
        _, info, raw, profile, _ = Decoder(num_threads=_INLINE)(_codestream(picture.data))
        array = _as_uint8(raw, info.mode).reshape(info.height, info.width, -1)
    except MemoryError:
        raise
    except Exception as error:
        # The plugin does not pass on libjxl's reason: a cut file has the same error as a damaged one.
        reason = "damaged, or cut" if "Generic Error" in str(error) else str(error)
        raise unreadable(picture.data, "jxl", reason) from error
    # For a file without a profile, libjxl returns sRGB's.
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


def encode(image: pyvips.Image, metadata: Metadata, *, quality: int, lossless: bool, effort: int) -> bytes:
    """Encode, with the profile of sRGB, or of gray with its curve: the plugin accepts no other.

    Args:
        image: uint8, 1 to 4 bands.
        metadata: EXIF and XMP are written; IPTC is not, because the format has no place for it.
        quality: 1 to 100; ignored if `lossless`.
        lossless: Whether every pixel stays the same.
        effort: libjxl's, 1 to 9.

    Raises:
        EncodeFailedError: libjxl refused the picture.
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
        # The box begins with 4 bytes: the distance from them to the TIFF header, here 0.
        exif = metadata.exif and bytes(4) + metadata.exif.removeprefix(HEAD)
        beside = {"exif": exif or None, "jumb": None, "xmp": metadata.xmp or None, "compress": False}
        encoded: bytes = encoder(
            to_array(image).tobytes(), image.width, image.height, jpeg_encode=False, **beside
        )
    except RuntimeError as error:
        raise EncodeFailedError(f"the picture can't be written as jxl: {error}") from error
    return encoded
