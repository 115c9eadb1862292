"""Filters that describe a picture: info, palette, statistics, histogram, blur_score, content_hash."""

import hashlib
import struct
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image as PillowImage
from pydantic import Field, JsonValue
from typing_extensions import override

from rayjobs.filters.base import Analysis, Facts, Filter
from rayjobs.filters.miniature import miniature, shrunk
from rayjobs.filters.pixels import VALUES, histogram, is_gray, luma, on_colour

_LOOKED_AT = 128
"""px, longest side of the picture that a palette is made from: so small details do not count."""

_LONGEST_JUDGED = 1024
"""px; blur is judged at the size at which people view a picture, not pixel by pixel of 12 megapixels."""

_LAPLACIAN = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]

_STRIP = 256
"""Lines that are hashed at a time, so that no second copy of a large picture is made."""

_SEEN = 128
"""Least alpha of a pixel that counts."""


class Info(Analysis):
    """Report what the file contains about itself: format, size, orientation, ICC profile, EXIF.

    Example:
        {"name": "info"}
    """

    name: Literal["info"] = "info"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        return {**facts(), "filtered": {"width": image.width, "height": image.height, "bands": image.bands}}


class Palette(Analysis):
    """Report the main colours of a picture, the most frequent first.

    Example:
        {"name": "palette", "count": 5}
    """

    name: Literal["palette"] = "palette"
    count: Annotated[int, Field(ge=1, le=32)] = 5
    """Highest number of colours; more than 32 look alike. Source: median cut, then k-means, as in Pillow."""

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        pixels = miniature(image, _LOOKED_AT)
        seen = pixels[pixels[..., 3] >= _SEEN][:, :3]
        if not len(seen):
            return []
        row = PillowImage.fromarray(seen.reshape(1, -1, 3))
        found = row.quantize(self.count, PillowImage.Quantize.MEDIANCUT, kmeans=3)
        colours = np.array(found.getpalette() or [], dtype=np.uint8).reshape(-1, 3)
        counts = np.bincount(np.asarray(found).ravel())
        return [
            {
                "colour": "#" + colours[index].tobytes().hex(),
                "share": round(int(counts[index]) / len(seen), 4),
            }
            for index in np.argsort(-counts, kind="stable")
            if counts[index]
        ]


class Statistics(Analysis):
    """Report minimum, maximum, mean and deviation of each band, and the entropy of the luma.

    Example:
        {"name": "statistics"}
    """

    name: Literal["statistics"] = "statistics"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        names = ["gray"] if is_gray(image) else ["red", "green", "blue"]
        bands = {name: _described(counts) for name, counts in zip(names, histogram(image).T, strict=True)}
        parts = _parts(histogram(on_colour(image, luma))[:, 0])
        entropy = -(parts[parts > 0] * np.log2(parts[parts > 0])).sum()
        return {**bands, "entropy_bits": round(float(abs(entropy)), 4)}


class BlurScore(Analysis):
    """Report how sharp a picture is, by the variance of its Laplacian, and whether it is blurred.

    Example:
        {"name": "blur_score", "threshold": 100}
    """

    name: Literal["blur_score"] = "blur_score"
    threshold: Annotated[float, Field(ge=0, le=100_000)] = 100.0
    """A lower variance means blurred; noise raises the variance, fog lowers it. Source: Pech-Pacheco et
    al., "Diatom autofocusing in brightfield microscopy", 2000."""

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        mask = pyvips.Image.new_from_array(_LAPLACIAN)
        gray = luma(shrunk(image, _LONGEST_JUDGED))
        variance = float(gray.conv(mask, precision="float").numpy().var())
        return {"variance": round(variance, 2), "blurred": variance < self.threshold}


class ContentHash(Analysis):
    """Report the SHA-256 of the pixels: equal for two files with the same pixels, in any formats.

    Example:
        {"name": "content_hash"}
    """

    name: Literal["content_hash"] = "content_hash"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        digest = hashlib.sha256(struct.pack("<3I", image.width, image.height, image.bands))
        for top in range(0, image.height, _STRIP):
            strip = image.crop(0, top, image.width, min(_STRIP, image.height - top))
            digest.update(strip.write_to_memory())
        return digest.hexdigest()


class Histogram(Analysis):
    """Report how frequent each luma is, in 16 steps from black to white, as shares of the picture.

    Example:
        {"name": "histogram"}
    """

    name: Literal["histogram"] = "histogram"

    @override
    def analyse(self, image: pyvips.Image, facts: Facts) -> JsonValue:
        steps = _parts(histogram(on_colour(image, luma))[:, 0]).reshape(16, 16).sum(axis=1)
        return [round(float(step), 4) for step in steps]


def _parts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return counts as shares of their sum; zeros if every pixel is transparent."""
    return counts / max(1, int(counts.sum()))


def _described(counts: npt.NDArray[np.int64]) -> JsonValue:
    """Return the statistics of a band's histogram, None if every pixel is transparent."""
    used, parts = np.flatnonzero(counts), _parts(counts)
    if not len(used):
        return None
    mean = float(parts @ VALUES)
    deviation = float(parts @ (VALUES - mean) ** 2) ** 0.5
    return {
        "least": int(used[0]),
        "most": int(used[-1]),
        "mean": round(mean, 3),
        "deviation": round(deviation, 3),
    }


FILTERS: tuple[type[Filter], ...] = (Info, Palette, Statistics, Histogram, BlurScore, ContentHash)
