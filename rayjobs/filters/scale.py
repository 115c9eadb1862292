"""Filters that change a picture's size: resize and thumbnail."""

from typing import ClassVar, Literal, Self

import pyvips
from pydantic import model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rayjobs.filters.base import Edit, Filter, Side, Size
from rayjobs.filters.lanczos import covering, lanczos, times
from rayjobs.filters.paint import Colour
from rayjobs.filters.pixels import has_alpha
from rayjobs.filters.placing import Gravity, check_sides, cut, on_canvas, place

Fit = Literal["inside", "cover", "contain", "fill"]


class Resize(Edit):
    """Bring to a size: `fill` distorts, `inside` keeps the proportions, `cover` crops, `contain` pads.

    Example:
        {"name": "resize", "width": 200, "height": 200, "fit": "cover"}
    """

    name: Literal["resize"] = "resize"
    width: Side | None = None
    """Width of the result, in px; may be left out with `inside`."""
    height: Side | None = None
    """Height of the result, in px; may be left out with `inside`."""
    fit: Fit = "fill"
    """`fill`: exactly this size, in any proportions. `inside`: the largest size that fits in. `cover`: fills
    the size, the parts beyond it are cut off. `contain`: fits in, the rest is background."""
    upscale: bool = False
    """Let `inside`, `cover` and `contain` enlarge a smaller picture; `fill` always does."""
    gravity: Gravity = "center"
    """What part `cover` keeps, and where `contain` puts the picture."""
    background: Colour | None = None
    """Background of `contain`; if left out, white, or transparent in a picture with alpha."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

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
        check_sides(self.name, self._scaled(size))
        scaled = lanczos(image, self._scaled(size))
        return self._padded(scaled) if self.fit == "contain" else scaled

    def _padded(self, image: pyvips.Image) -> pyvips.Image:
        colour = self.background or ("#ffffff00" if has_alpha(image) else "white")
        at = place(self.gravity, self._box(), (image.width, image.height))
        return on_canvas(image, at, self._box(), colour)

    def _box(self) -> Size:
        return self.width or 0, self.height or 0

    def _ratio(self, size: Size) -> float:
        ratios = [wanted / side for wanted, side in zip(self._box(), size, strict=True) if wanted]
        ratio = max(ratios) if self.fit == "cover" else min(ratios)
        return ratio if self.upscale else min(ratio, 1.0)

    def _scaled(self, size: Size) -> Size:
        """Return the size of the whole picture, before it is cut or padded."""
        return self._box() if self.fit == "fill" else times(size, self._ratio(size))

    def _covering(self, image: pyvips.Image) -> pyvips.Image:
        source, result = covering(image, self._box(), upscale=self.upscale)
        return lanczos(cut(image, self.gravity, source), result)


class Thumbnail(Edit):
    """Fit into a square box, keeping the proportions; a smaller picture stays as it is.

    Example:
        {"name": "thumbnail", "size": 120}
    """

    name: Literal["thumbnail"] = "thumbnail"
    size: Side
    """Longest side of the result, in px."""

    costly: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @override
    def shrinks_to(self, size: Size) -> Size | None:
        return times(size, min(1.0, self.size / max(size)))

    @override
    def apply(self, image: pyvips.Image) -> pyvips.Image:
        size = image.width, image.height
        return lanczos(image, times(size, min(1.0, self.size / max(size))))


FILTERS: tuple[type[Filter], ...] = (Resize, Thumbnail)
