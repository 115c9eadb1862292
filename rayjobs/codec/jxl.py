"""JPEG XL by libjxl: the only door to pillow-jxl-plugin, which is loaded when the first such file comes.

The plugin decodes as soon as it opens, so the size is read here, from the first bits of the codestream.
"""

from dataclasses import dataclass

import numpy as np
import pyvips

from rayjobs.codec.truncation import unreadable
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import from_array, to_array

_SIGNATURE = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_INLINE = 0  # threads: one slot a core is as fast as it gets


@dataclass(frozen=True)
class Opened:
    """A file whose size is known, and not decoded yet."""

    data: bytes
    width: int
    height: int

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
        bits = _Bits(_codestream(data)[2:34])
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
    return Opened(data, height, width) if orientation > 4 else Opened(data, width, height)  # noqa: PLR2004 - as EXIF's


def _side(bits: _Bits, is_small: int) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take((9, 13, 18, 30)[bits.take(2)])


def _codestream(data: bytes) -> bytes:
    """Return the codestream, or its first part, out of the boxes around it."""
    at = 0
    while not data.startswith(_SIGNATURE):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 16 if size == 1 else 8
        if kind in {b"jxlc", b"jxlp"}:
            start = at + head + (4 if kind == b"jxlp" else 0)
            return data[start : start + 64]
        size = int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size
        if size < head or at + size >= len(data):
            raise ValueError("no codestream, the file ends too early")
        at += size
    return data


def pixels(picture: Opened) -> tuple[pyvips.Image, bytes | None]:
    """Decode into uint8, gray or RGB, with or without alpha, and the colour profile."""
    from pillow_jxl import Decoder  # noqa: PLC0415 - 40 ms that few processes need

    try:
        rebuilt, info, raw, profile, _ = Decoder(num_threads=_INLINE)(picture.data)
        if rebuilt:
            return pyvips.Image.jpegload_buffer(raw, fail_on="error").copy_memory(), None
        array = _as_uint8(raw, info.mode).reshape(info.height, info.width, -1)
    except MemoryError:
        raise
    except Exception as error:
        # Of libjxl's reasons the plugin passes none on: a cut file looks like a broken one.
        reason = "broken, or cut" if "Generic Error" in str(error) else str(error)
        raise unreadable(picture.data, "jxl", reason) from error
    return from_array(array), profile or None


def _as_uint8(raw: bytes, mode: str) -> np.ndarray:
    if mode.endswith("F") or mode.startswith("F"):
        wide = np.frombuffer(raw, np.float16 if mode == "F;16" else np.float32)
        return (wide.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    if "16" in mode:
        return (np.frombuffer(raw, np.uint16) >> 8).astype(np.uint8)
    return np.frombuffer(raw, np.uint8)


def encode(image: pyvips.Image, *, quality: int, lossless: bool, effort: int) -> bytes:
    """Encode; the profile written is sRGB's, or gray's with its curve.

    Raises:
        EncodeFailedError: libjxl refused.
    """
    from pillow_jxl import Encoder  # noqa: PLC0415

    try:
        encoder = Encoder(  # type: ignore[call-arg]  # its stub is older than its code
            mode=_MODES[image.bands],
            lossless=lossless,
            quality=100 if lossless else quality,
            decoding_speed=0,
            effort=effort,
            use_container=False,
            use_original_profile=False,
            num_threads=_INLINE,
        )
        nothing = {"exif": None, "jumb": None, "xmp": None, "compress": False}
        encoded: bytes = encoder(
            to_array(image).tobytes(), image.width, image.height, jpeg_encode=False, **nothing
        )
    except RuntimeError as error:
        raise EncodeFailedError(f"the picture can't be written as jxl: {error}") from error
    return encoded
