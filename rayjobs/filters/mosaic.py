"""The mean of squares, for the filters that hide detail."""

import pyvips

from rayjobs.filters.pixels import held, with_premultiplied


def mosaic(image: pyvips.Image, size: int) -> pyvips.Image:
    """Show each square of `size` px as its mean; what overhangs at the right and below counts as it is."""
    return image if size == 1 else with_premultiplied(image, lambda pixels: _mosaic(pixels, size))


def _mosaic(image: pyvips.Image, size: int) -> pyvips.Image:
    whole_right, whole_below = image.width // size * size, image.height // size * size
    rows = [
        [
            (left, top, width, height)
            for left, width in ((0, whole_right), (whole_right, image.width - whole_right))
            if width
        ]
        for top, height in ((0, whole_below), (whole_below, image.height - whole_below))
        if height
    ]
    result = image
    for left, top, width, height in (part for row in rows for part in row):
        across, down = min(size, width), min(size, height)
        # Held, small as it is: each pixel is asked for `size` squared times.
        means = held(image.crop(left, top, width, height).shrink(across, down))
        result = result.insert(means.zoom(across, down), left, top)
    return result
