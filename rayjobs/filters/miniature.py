"""Small versions of a picture, for analyses."""

import pyvips

from rayjobs.filters.base import Size
from rayjobs.filters.lanczos import lanczos, times
from rayjobs.filters.pixels import Array, as_rgb, to_array, with_alpha


def shrunk(image: pyvips.Image, longest: int) -> pyvips.Image:
    """Return the picture with no side longer than `longest` px; itself if it is small enough."""
    size = image.width, image.height
    return lanczos(image, times(size, min(1.0, longest / max(size))))


def miniature(image: pyvips.Image, longest: int) -> Array:
    """Return the picture, no side longer than `longest` px, as (H, W, 4): RGB and alpha."""
    return to_array(with_alpha(as_rgb(shrunk(image, longest))))


def at_size(image: pyvips.Image, size: Size) -> Array:
    """Return a gray picture, stretched to a size, as (H, W)."""
    return to_array(lanczos(image, size))[..., 0]
