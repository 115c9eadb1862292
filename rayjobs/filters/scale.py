"""Filters that change a picture's size: resize and thumbnail. Lanczos, three lobes, premultiplied alpha."""

from typing import ClassVar, Literal, Self

import numpy as np
import pyvips
from PIL import Image as PillowImage
from pydantic import model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rayjobs.errors import FilterFailedError
from rayjobs.filters.base import MAX_SIDE, Filter, Side, Size
from rayjobs.filters.pixels import HELD_PIXELS, from_array, has_alpha, to_array, with_premultiplied

Fit = Literal["inside", "cover", "contain", "fill"]


class Resize(Filter):
    """Bring to a size: `fill` distorts, `inside` keeps the proportions, `cover` crops, `contain` pads."""

    name: Literal["resize"] = "resize"
    width: Side | None = None
    """Width of the result, in px; may be left out with `inside`."""
    height: Side | None = None
    """Height of the result, in px; may be left out with `inside`."""
    fit: Fit = "fill"
    """`fill`: exactly this size, proportions be what they may. `inside`: the largest that fits in.
    `cover`: fills the size, what overhangs is cut off evenly. `contain`: fits in, the rest is white, or
    transparent if there is alpha."""
    upscale: bool = False
    """Let `inside`, `cover` and `contain` enlarge a smaller picture; `fill` always does."""

    costly: ClassVar[bool] = True

    @model_validator(mode="after")
    def _has_the_sides_it_needs(self) -> Self:
        missing = [side for side in ("width", "height") if getattr(self, side) is None]
        if missing and (self.fit != "inside" or len(missing) > 1):
            text = "fit '{fit}' needs {needs}; '{missing}' is missing"
            needs = "a width or a height" if self.fit == "inside" else "both width and height"
            raise PydanticCustomError(
                "missing", text, {"fit": self.fit, "needs": needs, "missing": missing[0]}
            )
        return self

    @override
    def shrinks_to(self, size: Size) -> Size | None:
        return self._scaled(size)

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        if self.fit == "cover":
            return self._covering(image)
        width, height = self._scaled(size)
        if (longest := max(width, height)) > MAX_SIDE:
            detail = f"resize: the result's longest side is {longest} px, the limit is {MAX_SIDE} px"
            raise FilterFailedError(detail, limit=MAX_SIDE, actual=longest)
        scaled = lanczos(image, (width, height))
        return _padded(scaled, self._box()) if self.fit == "contain" else scaled

    def _box(self) -> Size:
        return self.width or 0, self.height or 0

    def _ratio(self, size: Size) -> float:
        ratios = [wanted / side for wanted, side in zip(self._box(), size, strict=True) if wanted]
        ratio = max(ratios) if self.fit == "cover" else min(ratios)
        return ratio if self.upscale else min(ratio, 1.0)

    def _scaled(self, size: Size) -> Size:
        """Return the size of the whole picture, before it is cut or padded."""
        return self._box() if self.fit == "fill" else _times(size, self._ratio(size))

    def _covering(self, image: pyvips.Image) -> pyvips.Image:
        # Cut first: of a strip of 1 x 10000 px the whole would be enlarged beyond any memory.
        size = image.width, image.height
        ratio = self._ratio(size)
        result = _least(self._box(), _times(size, ratio))
        width, height = _least(size, _times(result, 1 / ratio))
        cut = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
        return lanczos(cut, result)


class Thumbnail(Filter):
    """Fit into a square box, keeping the proportions; a smaller picture stays as it is."""

    name: Literal["thumbnail"] = "thumbnail"
    size: Side
    """Longest side of the result, in px."""

    costly: ClassVar[bool] = True

    @override
    def shrinks_to(self, size: Size) -> Size | None:
        return _times(size, min(1.0, self.size / max(size)))

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        return lanczos(image, _times(size, min(1.0, self.size / max(size))))


def lanczos(image: pyvips.Image, size: Size) -> pyvips.Image:
    """Return the picture at exactly `size`; itself if it has it already."""
    width, height = size
    if (image.width, image.height) == size:
        return image
    if (width > image.width or height > image.height) and max(
        width * height, image.width * image.height
    ) <= HELD_PIXELS:
        return _enlarged(image, size)
    across, down = width / image.width, height / image.height
    return with_premultiplied(image, lambda pixels: pixels.resize(across, vscale=down, kernel="lanczos3"))


def _enlarged(image: pyvips.Image, size: Size) -> pyvips.Image:
    # libvips enlarges by a bicubic, 37 dB from Lanczos on a photograph, in 83 ms to 2048 x 2048; Pillow by
    # Lanczos in 49 ms, the way to and fro included. It premultiplies alpha by itself.
    pixels = to_array(image)
    picture = PillowImage.fromarray(pixels[..., 0] if image.bands == 1 else pixels)
    enlarged = np.asarray(picture.resize(size, PillowImage.Resampling.LANCZOS))
    return from_array(enlarged.reshape(size[1], size[0], -1))


def _times(size: Size, ratio: float) -> Size:
    width, height = size
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _least(one: Size, other: Size) -> Size:
    return min(one[0], other[0]), min(one[1], other[1])


def _padded(image: pyvips.Image, box: Size) -> pyvips.Image:
    left, top = (box[0] - image.width) // 2, (box[1] - image.height) // 2
    background = [255] * (image.bands - 1) + [0 if has_alpha(image) else 255]
    return image.embed(left, top, *box, extend="background", background=background)
