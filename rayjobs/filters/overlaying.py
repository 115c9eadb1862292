"""Laying one picture over another, see-through."""

import pyvips

from rayjobs.filters.pixels import alpha_of, as_rgb, colour_of, has_alpha, is_gray, rounded, with_alpha


def faded(image: pyvips.Image, opacity: float) -> pyvips.Image:
    """Return the picture with alpha, which is multiplied with `opacity`, 0 to 1."""
    clear = with_alpha(image)
    if opacity == 1:
        return clear
    return colour_of(clear).bandjoin(rounded(alpha_of(clear) * opacity))


def laid_over(
    image: pyvips.Image, other: pyvips.Image, at: tuple[int, int] = (0, 0), blend: str = "over"
) -> pyvips.Image:
    """Return the picture with `other` on it; size and opacity are those of `image`.

    Args:
        image: The picture below; gray becomes RGB if `other` has colours.
        other: The picture above; what overhangs is left out.
        at: Left and top of `other` in `image`, in px.
        blend: How libvips mixes the two.
    """
    if is_gray(image) != is_gray(other):
        image, other = as_rgb(image), as_rgb(other)
    left, top = max(at[0], 0), max(at[1], 0)
    right, lower = min(at[0] + other.width, image.width), min(at[1] + other.height, image.height)
    if right <= left or lower <= top:
        return image
    # Blended there alone: outside nothing changes, and blending takes longer than copying by far.
    below = image.crop(left, top, right - left, lower - top)
    above = with_alpha(other).crop(left - at[0], top - at[1], right - left, lower - top)
    laid = below.composite2(above if blend == "over" else _mixed(below, above, blend), "over")
    return image.insert(laid if has_alpha(image) else colour_of(laid), left, top)


def _mixed(below: pyvips.Image, above: pyvips.Image, blend: str) -> pyvips.Image:
    """Return what is laid over the picture so that the colours of both are mixed.

    libvips mixes colours that are multiplied by their alpha: too dark where the upper picture is see-through.
    Source: W3C, Compositing and Blending 1, section 10.1: mixed where there is something below, else the
    upper picture's own.
    """
    colour = colour_of(above)
    mixed = colour_of(colour_of(below).composite2(colour, blend))
    if has_alpha(below):
        mixed = colour_of(colour.composite2(mixed.bandjoin(alpha_of(below)), "over"))
    return mixed.bandjoin(alpha_of(above))


def solid(mask: pyvips.Image, colour: list[int]) -> pyvips.Image:
    """Return a picture of one colour (1 or 3 bands) whose alpha is `mask`."""
    plain = (mask * 0 + colour).cast("uchar")
    return plain.bandjoin(mask).copy(interpretation="b-w" if len(colour) == 1 else "srgb")
