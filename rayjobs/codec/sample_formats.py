"""TIFFs whose numbers libvips does not read, or not rightly: unpacked by libtiff, understood here.

libtiff, the one within Pillow, unpacks each strip or tile as bytes: `tiff_strip` makes a TIFF of each.
So every compression that it knows goes with every kind of sample in `tiff_layout`.
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
"""px; writers' tiles have up to 1024 x 1024."""

_LEAST_OF_A_TILE = 16
"""px of a side. Source: TIFF 6.0, section 15."""

_EPSILON = 1e-3
"""By which a float may lie beyond its range, as rounding leaves it."""

_TOO_BRIGHT = 2.0
"""No picture of 0 to 1 has a mean beyond it, whatever its highlights; one of 0 to 255 has."""

_WHITES: dict[int, tuple[tuple[float, Callable[[float], bool]], ...]] = {
    kinds.FLOAT: ((1.0, lambda _: True), (255.0, lambda mean: mean >= _TOO_BRIGHT)),
    # What Pillow writes of its mode I, which has 16 bits out of a PNG, and 8 out of a table of numbers.
    kinds.SIGNED: ((255.0, lambda _: True), (65535.0, lambda _: True)),
}
"""Kind of number: what white may be, and at which mean of all numbers; the first that fits."""

Numbers = npt.NDArray[Any]


def pixels(layout: Layout, *, lenient: bool) -> pyvips.Image:
    """Decode into uint8: gray, sRGB or Lab's PCS made sRGB, alpha last.

    Args:
        layout: One that `reader_of` gives to us.
        lenient: Of a file that was cut, take what there is.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is broken.
        UnsupportedFormatError: Nothing says which numbers are black and white.
    """
    data = layout.directories.data
    try:
        return _Picture(layout, lenient=lenient).pixels()
    except (MemoryError, ItemError):
        raise
    except Exception as error:
        # Pillow's plugin raises whatever its arithmetic ends in.
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
        for top, left, first, piece in self._pieces():
            for band in range(piece.shape[2]):
                at = first + band
                to = at if at < layout.colours else layout.colours if at == alpha else None
                if to is not None:
                    values = as_stored(piece[..., band])
                    made[top : top + piece.shape[0], left : left + piece.shape[1], to] = values
        if alpha is not None and layout.extra[alpha - layout.colours] == kinds.ASSOCIATED:
            made = _unmultiplied(made)
        return self._understood(made)

    def _understood(self, made: Numbers) -> pyvips.Image:
        """Return numbers of 0 to 255, (H, W, colours and perhaps alpha), as what they mean."""
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
        """Return which sample is alpha."""
        for number, meaning in enumerate(self.layout.extra):
            if meaning in {kinds.ASSOCIATED, kinds.UNASSOCIATED}:
                at = self.layout.colours + number
                return at if at < self.layout.samples else None
        return None

    def _scale(self) -> Callable[[Numbers], Numbers]:
        """Return what brings stored numbers to 0 to 255; those of Lab and palettes stay as they are."""
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
        """Return which numbers are black and white: as entries say, else as the numbers show beyond doubt.

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
            f"the tiff file has numbers from {least:g} to {most:g}, and nothing says which are black "
            "and white: save it with floats of 0 to 1, with SMinSampleValue and SMaxSampleValue, or 16 bits"
        )
        raise UnsupportedFormatError(detail, limit=1, actual=f"{least:g} to {most:g}")

    def _statistics(self) -> tuple[float, float, float]:
        """Return the least, the largest and the mean of the colours' numbers."""
        least, most, total, count = math.inf, -math.inf, 0.0, 0
        for _, _, first, piece in self._pieces():
            colours = piece[..., : max(0, self.layout.colours - first)].astype(np.float64)
            if colours.size:
                least, most = min(least, float(colours.min())), max(most, float(colours.max()))
                total, count = total + float(colours.sum()), count + colours.size
        if math.isnan(total):
            return math.nan, math.nan, math.nan
        return least, most, total / max(1, count)

    def _pieces(self) -> Iterator[tuple[int, int, int, Numbers]]:
        """Give each strip or tile: its top and left, its first band, and its numbers, (H, W, bands)."""
        layout = self.layout
        width, height = layout.size
        across, down = self._segment()
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

    def _segment(self) -> tuple[int, int]:
        layout = self.layout
        width, height = layout.size
        if not layout.is_tiled:
            return width, min(height, max(1, layout.number(278, height)))
        across, down = layout.number(322, 0), layout.number(323, 0)
        if min(across, down) < _LEAST_OF_A_TILE or across * down > _MOST_OF_A_TILE:
            raise ValueError(f"tiles of {across} x {down} px")
        return across, down

    def _unpacked(self, at: int, length: int, width: int, rows: int, bands: int) -> bytes:
        """Return a segment's bytes; each row begins with a byte of its own."""
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
        """Return the colours, (numbers, 3); some writers give them in 8 bits, not in 16."""
        colours = np.array(self.layout.values(320), np.uint32).reshape(3, -1).T
        wide = np.zeros((2**self.layout.bits, 3), np.uint32)
        wide[: len(colours)] = colours
        return (wide >> (8 if wide.max() > 255 else 0)).astype(np.uint8)  # noqa: PLR2004 - 8 bits

    def _from_ycbcr(self, made: Numbers) -> Numbers:
        """Source: TIFF 6.0, section 21, with ReferenceBlackWhite and YCbCrCoefficients."""
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
