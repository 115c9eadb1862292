"""Pictures in a few bytes, which a client shows until the real picture has loaded: blurhash, thumbhash."""

import base64
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyvips
from pydantic import Field, JsonValue
from typing_extensions import override

from rayjobs.filters.base import Analysis, Facts, Filter
from rayjobs.filters.miniature import miniature

Values = npt.NDArray[np.float64]

_BLURRED_AT = 64
"""px, longest side; a blurhash shows at most 9 waves."""

_THUMB = 100
"""px; most that a thumbhash is made of, by its definition."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
"""Of base 83. Source: woltapp/blurhash, Algorithm.md."""

_DARK_SRGB, _DARK_LINEAR = 0.04045, 0.0031308
"""Up to here sRGB is a straight line. Source: IEC 61966-2-1."""

Waves = Annotated[int, Field(ge=1, le=9)]


class Blurhash(Analysis):
    """Report a BlurHash: some 30 characters from which a client draws a blurred picture.

    Example:
        {"name": "blurhash", "across": 4, "down": 3}
    """

    name: Literal["blurhash"] = "blurhash"
    across: Waves = 4
    """Waves from left to right, 1 to 9; more is longer and sharper. Source: woltapp/blurhash."""
    down: Waves = 3
    """Waves from top to bottom, 1 to 9."""

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        pixels = miniature(image, _BLURRED_AT)
        alpha = pixels[..., 3:] / 255
        # A BlurHash has no alpha: transparent pixels lie on white, as a page shows them.
        light = _linear(pixels[..., :3] / 255 * alpha + 1 - alpha)
        height, width = light.shape[:2]
        # From each pixel's edge, as the reference has it, not from its middle.
        rows, columns = _waves(self.down, height, 0), _waves(self.across, width, 0)
        parts = np.einsum("iy,jx,yxc->ijc", rows, columns, light) / (width * height)
        parts[np.arange(self.down)[:, None] + np.arange(self.across) > 0] *= 2
        return self._encoded(parts.reshape(-1, 3))

    def _encoded(self, parts: Values) -> str:
        mean, waves = parts[0], parts[1:]
        most = int(np.clip(np.floor(np.abs(waves).max() * 166 - 0.5), 0, 82)) if len(waves) else 0
        largest = (most + 1) / 166 if len(waves) else 1.0
        red, green, blue = (round(float(value)) for value in _srgb(mean) * 255)
        text = _base83(self.across - 1 + (self.down - 1) * 9, 1) + _base83(most, 1)
        text += _base83(red << 16 | green << 8 | blue, 4)
        steps = np.sign(waves) * np.sqrt(np.abs(waves) / largest)
        for one in np.floor(steps * 9 + 9.5).clip(0, 18).astype(int):
            text += _base83(int(one @ (361, 19, 1)), 2)
        return text


class Thumbhash(Analysis):
    """Report a ThumbHash: some 25 bytes, in base 64, that also contain proportions and alpha.

    Example:
        {"name": "thumbhash"}
    """

    name: Literal["thumbhash"] = "thumbhash"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        return base64.b64encode(thumbhash(miniature(image, _THUMB))).decode("ascii")


FILTERS: tuple[type[Filter], ...] = (Blurhash, Thumbhash)


def thumbhash(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the hash of (H, W, 4) pixels, no side above 100. Source: evanw/thumbhash, js/thumbhash.js."""
    height, width = pixels.shape[:2]
    alpha = pixels[..., 3] / 255
    visible = pixels[..., :3] / 255 * alpha[..., None]
    mean = visible.sum(axis=(0, 1)) / alpha.sum() if alpha.sum() else np.zeros(3)
    red, green, blue = np.moveaxis(visible + mean * (1 - alpha[..., None]), 2, 0)
    has_alpha = bool(alpha.sum() < width * height)
    most, longest = (5 if has_alpha else 7), max(width, height)
    across, down = max(1, _half_up(most * width / longest)), max(1, _half_up(most * height / longest))
    lightness = _Channel((red + green + blue) / 3, max(3, across), max(3, down))
    yellow, green_red = _Channel((red + green) / 2 - blue, 3, 3), _Channel(red - green, 3, 3)
    head = _half_up(63 * lightness.mean) | _half_up(31.5 + 31.5 * yellow.mean) << 6
    head |= _half_up(31.5 + 31.5 * green_red.mean) << 12 | _half_up(31 * lightness.scale) << 18
    landscape = width > height
    size = (down if landscape else across) | _half_up(63 * yellow.scale) << 3
    size |= _half_up(63 * green_red.scale) << 9 | landscape << 15
    digest = bytearray((head | has_alpha << 23).to_bytes(3, "little") + size.to_bytes(2, "little"))
    waves = [*lightness.waves, *yellow.waves, *green_red.waves]
    if has_alpha:
        opacity = _Channel(alpha, 5, 5)
        digest.append(_half_up(15 * opacity.mean) | _half_up(15 * opacity.scale) << 4)
        waves += opacity.waves
    nibbles = [_half_up(15 * wave) for wave in waves] + [0]
    digest += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=False))
    return bytes(digest)


class _Channel:
    """One channel as its mean and a triangle of waves, each 0 to 1 about the middle."""

    def __init__(self, values: Values, across: int, down: int) -> None:
        height, width = values.shape
        parts = _waves(down, height, 0.5) @ values @ _waves(across, width, 0.5).T / (width * height)
        kept = [
            float(parts[y, x])
            for y in range(down)
            for x in range(across)
            if (x or y) and x * down < across * (down - y)
        ]
        self.mean = float(parts[0, 0])
        self.scale = max((abs(part) for part in kept), default=0.0)
        self.waves = [0.5 + 0.5 / self.scale * part if self.scale else part for part in kept]


def _half_up(value: float) -> int:
    return int(np.floor(value + 0.5))


def _waves(count: int, length: int, start: float) -> Values:
    waves: Values = np.cos(np.pi / length * np.outer(np.arange(count), np.arange(length) + start))
    return waves


def _linear(values: Values) -> Values:
    return np.where(values <= _DARK_SRGB, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _srgb(values: Values) -> Values:
    clipped = values.clip(0, 1)
    return np.where(clipped <= _DARK_LINEAR, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)


def _base83(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**power % 83] for power in range(length - 1, -1, -1))
