"""TIFFs whose sample formats libvips decodes wrongly or not at all: libtiff decompresses, NumPy converts.

The libtiff within Pillow decompresses each strip or tile to bytes: `tiff_strip` makes a small TIFF of each.
So every compression of libtiff works with every sample format in `tiff_layout`.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import TiffImagePlugin

from rayjobs.codec import tiff_layout as kinds
from rayjobs.codec.tiff_layout import Layout
from rayjobs.codec.tiff_strip import as_tiff, unpacked_bits, unpredicted_floats
from rayjobs.codec.truncation import unreadable
from rayjobs.errors import ItemError, TruncatedError, UnsupportedFormatError
from rayjobs.filters.pixels import from_array

_MOST_OF_A_TILE = 2**24
"""Most px of a tile; writers make tiles of up to 1024 x 1024."""

_LEAST_OF_A_TILE = 16
"""Least px of a side of a tile. Source: TIFF 6.0, section 15."""

_EPSILON = 1e-3
"""Most by which rounding may put a float outside its range."""

_TOO_BRIGHT = 2.0
"""No picture of 0 to 1 has a larger mean, even with bright highlights; one of 0 to 255 has."""

_WHITES: dict[int, tuple[tuple[float, Callable[[float], bool]], ...]] = {
    kinds.FLOAT: ((1.0, lambda _: True), (255.0, lambda mean: mean >= _TOO_BRIGHT)),
    # Pillow writes its mode I so: with values of 16 bits from a PNG, of 8 from an array of numbers.
    kinds.SIGNED: ((255.0, lambda _: True), (65535.0, lambda _: True)),
}
"""Kind of number: the possible values of white, and the mean at which each holds; the first that fits
counts."""

Numbers = npt.NDArray[Any]


def pixels(layout: Layout, *, lenient: bool) -> pyvips.Image:
    """Decode into uint8: gray, sRGB or CMYK, alpha last; L*a*b* becomes sRGB.

    Args:
        layout: One for which `reader_of` returns `sample_formats`.
        lenient: Whether the rows that a cut file has are enough.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged.
        UnsupportedFormatError: The values of black and white are unknown.
    """
    data = layout.directories.data
    try:
        return _Picture(layout, lenient=lenient).pixels()
    except (MemoryError, ItemError):
        raise
    except Exception as error:
        # Pillow's plugin raises errors of any class.
        raise unreadable(data, "tiff", f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Picture:
    layout: Layout
    lenient: bool

    def pixels(self) -> pyvips.Image:
        layout = self.layout
        width, height = layout.size
        alpha = self._alpha()
        kept = layout.colours + (alpha is not None)
        made = np.zeros((height, width, kept), self._type)
        as_stored = self._scale()
        for top, left, first, piece in self._segments():
            for band in range(piece.shape[2]):
                at = first + band
                to = at if at < layout.colours else layout.colours if at == alpha else None
                if to is not None:
                    values = as_stored(piece[..., band])
                    made[top : top + piece.shape[0], left : left + piece.shape[1], to] = values
        if alpha is not None and layout.extra[alpha - layout.colours] == kinds.ASSOCIATED:
            made = _unmultiplied(made)
        return self._converted(made)

    def _converted(self, made: Numbers) -> pyvips.Image:
        """Convert samples of 0 to 255, (H, W, colours and perhaps alpha), by their photometric meaning."""
        match self.layout.photometric:
            case kinds.CIELAB | kinds.ICCLAB:
                return self._from_lab(made)
            case kinds.YCBCR:
                made[..., :3] = self._from_ycbcr(made[..., :3])
            case kinds.WHITE_IS_ZERO:
                made[..., 0] = 255 - made[..., 0]
            case kinds.PALETTE:
                made = np.concatenate([self._palette()[made[..., 0]], made[..., 1:]], axis=2)
            case kinds.SEPARATED:
                return from_array(made, "cmyk")
            case _:
                pass
        return from_array(made)

    @property
    def _type(self) -> npt.DTypeLike:
        is_lab = self.layout.photometric in {kinds.CIELAB, kinds.ICCLAB}
        return np.uint16 if is_lab and self.layout.bits == 16 else np.uint8  # noqa: PLR2004 - bits

    def _alpha(self) -> int | None:
        """Return the index of the sample that is alpha."""
        for number, meaning in enumerate(self.layout.extra):
            if meaning in {kinds.ASSOCIATED, kinds.UNASSOCIATED}:
                at = self.layout.colours + number
                return at if at < self.layout.samples else None
        return None

    def _scale(self) -> Callable[[Numbers], Numbers]:
        """Return the function from stored numbers to 0 to 255; those of Lab and palettes stay unchanged."""
        bits = self.layout.bits
        if self.layout.kind != kinds.UNSIGNED:
            return self._scale_of_range()
        if self._type == np.uint16 or bits == 8 or self.layout.photometric == kinds.PALETTE:  # noqa: PLR2004 - bits
            return lambda values: values
        if bits > 8:  # noqa: PLR2004 - bits
            return lambda values: (values >> (bits - 8)).astype(np.uint8)
        table = (np.arange(2**bits) * 255 / (2**bits - 1) + 0.5).astype(np.uint8)
        return lambda values: table[values]

    def _scale_of_range(self) -> Callable[[Numbers], Numbers]:
        low, high = self._range()

        def scaled(values: Numbers) -> Numbers:
            return (
                ((values.astype(np.float64) - low) / (high - low) * 255 + 0.5).clip(0, 255).astype(np.uint8)
            )

        return scaled

    def _range(self) -> tuple[float, float]:
        """Return the numbers of black and white: from the entries, else from the samples, if these are clear.

        Source: TIFF 6.0, section 19, SMinSampleValue, SMaxSampleValue.
        """
        low, high = self.layout.values(340), self.layout.values(341)
        if low and high and min(low) < max(high):
            return min(low), max(high)
        least, most, mean = self._statistics()
        if least >= -_EPSILON:
            for white, is_meant in _WHITES[self.layout.kind]:
                if most <= white + _EPSILON and is_meant(mean):
                    return 0.0, white
        detail = (
            f"the tiff file has numbers from {least:g} to {most:g}, and no entry says which are black "
            "and white: save it with floats of 0 to 1, with SMinSampleValue and SMaxSampleValue, or 16 bits"
        )
        raise UnsupportedFormatError(detail, limit=1, actual=f"{least:g} to {most:g}")

    def _statistics(self) -> tuple[float, float, float]:
        """Return the least, the largest and the mean number of the colours, without alpha."""
        least, most, total, count = math.inf, -math.inf, 0.0, 0
        for _, _, first, piece in self._segments():
            colours = piece[..., : max(0, self.layout.colours - first)].astype(np.float64)
            if colours.size:
                least, most = min(least, float(colours.min())), max(most, float(colours.max()))
                total, count = total + float(colours.sum()), count + colours.size
        if math.isnan(total):
            return math.nan, math.nan, math.nan
        return least, most, total / max(1, count)

    def _segments(self) -> Iterator[tuple[int, int, int, Numbers]]:
        """Yield each strip or tile: its top and left, its first band, and its numbers, (H, W, bands)."""
        layout = self.layout
        width, height = layout.size
        across, down = self._segment_size()
        bands = 1 if layout.is_separate else layout.samples
        places = [
            (top, left, first)
            for first in range(layout.samples if layout.is_separate else 1)
            for top in range(0, height, down)
            for left in range(0, width, across)
        ]
        where, sizes = (324, 325) if layout.is_tiled else (273, 279)
        offsets, lengths = layout.values(where), layout.values(sizes)
        for number, (top, left, first) in enumerate(places):
            rows = down if layout.is_tiled else min(down, height - top)
            try:
                raw = self._unpacked(int(offsets[number]), int(lengths[number]), across, rows, bands)
            except (IndexError, OSError, TruncatedError):
                if self.lenient:
                    return
                raise
            piece = self._numbers(raw, across, rows, bands)
            yield top, left, first, piece[: height - top, : width - left]

    def _segment_size(self) -> tuple[int, int]:
        layout = self.layout
        width, height = layout.size
        if not layout.is_tiled:
            return width, min(height, max(1, layout.number(278, height)))
        across, down = layout.number(322, 0), layout.number(323, 0)
        if min(across, down) < _LEAST_OF_A_TILE or across * down > _MOST_OF_A_TILE:
            raise ValueError(f"tiles of {across} x {down} px")
        return across, down

    def _unpacked(self, at: int, length: int, width: int, rows: int, bands: int) -> bytes:
        """Return the decompressed bytes of a segment; each row begins at a whole byte."""
        data, wanted = self.layout.directories.data, -(-width * bands * self.layout.bits // 8)
        if at + length > len(data):
            detail = f"the tiff file ends before its picture does, after {len(data):,} bytes"
            raise TruncatedError(detail, limit=at + length, actual=len(data))
        segment = data[at : at + length]
        if self.layout.compression == kinds.NONE:
            if len(segment) < wanted * rows:
                raise OSError("not enough data in a strip")
            return segment[: wanted * rows]
        small = as_tiff(segment, (wanted, rows), 8, self.layout.compression)
        with TiffImagePlugin.TiffImageFile(io.BytesIO(small)) as picture:
            return np.asarray(picture).tobytes()

    def _numbers(self, raw: bytes, width: int, rows: int, bands: int) -> Numbers:
        bits, mark = self.layout.bits, "<" if self.layout.directories.order == "little" else ">"
        shape = rows, width, bands
        if self.layout.predictor == kinds.FLOATING and self._is_packed:
            return unpredicted_floats(raw, shape, bits // 8)
        if bits not in {8, 16, 32, 64}:
            return unpacked_bits(raw, shape, bits, mark)
        code = {kinds.FLOAT: "f", kinds.SIGNED: "i"}.get(self.layout.kind, "u")
        numbers = np.frombuffer(raw, np.dtype(f"{mark}{code}{bits // 8}")).reshape(shape)
        if self.layout.predictor == kinds.HORIZONTAL and self._is_packed:
            plain = numbers.view(np.dtype(f"{mark}u{bits // 8}")).astype(f"u{bits // 8}")
            summed = np.cumsum(plain, axis=1, dtype=plain.dtype)
            numbers = summed.view(f"{code}{bits // 8}")
        return numbers

    @property
    def _is_packed(self) -> bool:
        return self.layout.compression != kinds.NONE

    def _palette(self) -> Numbers:
        """Return the palette, (numbers, 3), uint8; some writers store 8 bits instead of 16."""
        colours = np.array(self.layout.values(320), np.uint32).reshape(3, -1).T
        wide = np.zeros((2**self.layout.bits, 3), np.uint32)
        wide[: len(colours)] = colours
        return (wide >> (8 if wide.max() > 255 else 0)).astype(np.uint8)  # noqa: PLR2004 - 8 bits

    def _from_ycbcr(self, made: Numbers) -> Numbers:
        """Return RGB, by ReferenceBlackWhite and YCbCrCoefficients. Source: TIFF 6.0, section 21."""
        black = self.layout.values(532, 0, 255, 128, 255, 128, 255)
        red, green, blue = self.layout.values(529, 0.299, 0.587, 0.114)
        y, cb, cr = (
            (made[..., band].astype(np.float32) - black[2 * band])
            * ((255 if band == 0 else 127) / ((black[2 * band + 1] - black[2 * band]) or 1))
            for band in range(3)
        )
        r, b = cr * (2 - 2 * red) + y, cb * (2 - 2 * blue) + y
        g = (y - blue * b - red * r) / green
        return (np.stack([r, g, b], axis=2) + 0.5).clip(0, 255).astype(np.uint8)

    def _from_lab(self, made: Numbers) -> pyvips.Image:
        """Return sRGB of L*a*b* in D50, by LittleCMS. Source: TIFF 6.0, section 23; its supplement on ICC."""
        unit = 1 if self.layout.bits == 8 else 256  # noqa: PLR2004 - bits
        whole = made[..., :3].astype(np.int64)
        if self.layout.photometric == kinds.CIELAB:
            half = 128 * unit
            chroma = ((whole[..., 1:] + half) % (2 * half) - half) / unit
            light = whole[..., :1] * (100 / (256 * unit - 1))
        else:
            chroma = whole[..., 1:] / unit - 128
            light = whole[..., :1] * (100 / (255 * unit))
        lab = np.ascontiguousarray(np.concatenate([light, chroma], axis=2), np.float32)
        height, width, _ = lab.shape
        image = pyvips.Image.new_from_memory(lab, width, height, 3, "float").copy(interpretation="lab")
        image = image.icc_export(output_profile="srgb", pcs="lab", intent="relative", depth=8).copy_memory()
        if made.shape[2] > 3:  # noqa: PLR2004 - alpha
            alpha = np.ascontiguousarray(made[..., 3:] // np.array(unit, made.dtype), np.uint8)
            image = image.bandjoin(from_array(alpha))
        return image.copy(interpretation="srgb")


def _unmultiplied(made: Numbers) -> Numbers:
    alpha = made[..., -1:].astype(np.float32)
    colours = made[..., :-1] * np.divide(255, alpha, out=np.zeros_like(alpha), where=alpha > 0)
    return np.concatenate([(colours + 0.5).clip(0, 255).astype(np.uint8), made[..., -1:]], axis=2)
