"""Operations on pixels that filters share: hold, round, keep alpha, map by a table, to NumPy and back."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image as PillowImage

HELD_PIXELS = 64_000_000
"""Most pixels of a picture that is held in memory, 192 MB of RGB; larger pictures are streamed."""

PASSED_PIXELS = 16_000_000
"""Most pixels that are passed to Pillow where it is faster: Pillow keeps a copy, 64 MB of them."""

Array = npt.NDArray[np.uint8]
"""Pixels, (H, W, bands) uint8."""

Table = npt.NDArray[np.float32] | npt.NDArray[np.float64] | npt.NDArray[np.int64]
"""256 new values, or (256, 3) of them, one column for each colour band."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in luma. Source: ITU-R BT.601-7, section 2.5.1."""

VALUES = np.arange(256, dtype=np.float32)
"""Every value of a band; as a table it changes nothing."""

_STRIP = 64
"""Lines that are evaluated at a time. Of 16, 64 and 128, 64 is the fastest in every pipeline of the
benchmark."""

_MOST_GRAY_BANDS = 2
"""A picture of at most this many bands is gray, with or without alpha."""


def held(image: pyvips.Image) -> pyvips.Image:
    """Evaluate a lazy picture into memory, pixels and resolution, unless it is too large for memory."""
    if image.width * image.height > HELD_PIXELS:
        return image
    if image.format != "uchar":
        return image.copy_memory()
    made = from_array(to_array(image), image.interpretation)
    for name in ("xres", "yres"):
        pyvips.VipsObject.set(made, name, image.get(name))
    return made


def rounded(image: pyvips.Image) -> pyvips.Image:
    """Return a float picture as uint8: the nearest integer, clipped to 0..255."""
    return image.rint().cast("uchar")


def is_gray(image: pyvips.Image) -> bool:
    """Return whether the picture has one band besides alpha."""
    return int(image.bands) <= _MOST_GRAY_BANDS


def has_alpha(image: pyvips.Image) -> bool:
    """Return whether the last band is alpha."""
    return image.bands in {2, 4}


def colour_of(image: pyvips.Image) -> pyvips.Image:
    """Return the colour bands without alpha."""
    return image.extract_band(0, n=image.bands - 1) if has_alpha(image) else image


def alpha_of(image: pyvips.Image) -> pyvips.Image:
    """Return the last band, which must be alpha."""
    return image.extract_band(image.bands - 1)


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    """Return the picture with a band of alpha; the new band of a picture without is opaque."""
    return image if has_alpha(image) else image.bandjoin(255)


def as_rgb(image: pyvips.Image) -> pyvips.Image:
    """Return a gray picture as RGB, with its alpha; a colour picture is unchanged."""
    if not is_gray(image):
        return image
    gray = image.extract_band(0)
    rest = [gray, gray, alpha_of(image)] if has_alpha(image) else [gray, gray]
    return gray.bandjoin(rest).copy(interpretation="srgb")


def luma(image: pyvips.Image) -> pyvips.Image:
    """Return the luma of the colour bands, as one band."""
    # `colourspace("b-w")` goes through linear light, which has only 35 dB against the usual grayscale.
    colour = colour_of(image)
    if colour.bands == 1:
        return colour
    return recombined(colour, [LUMA])


def recombined(image: pyvips.Image, matrix: Sequence[Sequence[float]]) -> pyvips.Image:
    """Return RGB with each colour as a weighted sum of all three, or gray if the matrix has one row."""
    rows = [list(map(float, row)) for row in matrix]
    return on_colour(image, lambda colour: _recombined(colour, rows))


def _recombined(colour: pyvips.Image, rows: list[list[float]]) -> pyvips.Image:
    if colour.width * colour.height > PASSED_PIXELS:
        made = rounded(colour.recomb(rows))
        return made.copy(interpretation="b-w") if len(rows) == 1 else made
    # Pillow gives the same values in half the time: libvips makes a picture of floats in between.
    weights = [weight for row in rows for weight in (*row, 0.0)]
    made = to_pillow(colour).convert("L" if len(rows) == 1 else "RGB", weights)
    return from_array(np.asarray(made).reshape(colour.height, colour.width, len(rows)))


def on_colour(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Apply `change` to the colour bands and leave alpha alone."""
    if not has_alpha(image):
        return change(image)
    return change(colour_of(image)).bandjoin(alpha_of(image))


def with_premultiplied(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Apply `change`, which mixes neighbours, without bleeding the colour of transparent pixels."""
    if not has_alpha(image):
        return change(image)
    # In 8 bits, as in Pillow: floats take the slow path of each operation, and 8 bits lose precision only in
    # nearly invisible colours.
    return rounded(change(rounded(image.premultiply())).unpremultiply())


def through_table(image: pyvips.Image, table: Table) -> pyvips.Image:
    """Replace each colour value by its entry in the table, clipped and truncated as in Pillow's blend."""
    entries = table.clip(0, 255).astype(np.uint8).reshape(1, 256, -1)
    return on_colour(image, lambda colour: colour.maplut(from_array(entries)))


def histogram(image: pyvips.Image) -> npt.NDArray[np.int64]:
    """Return the number of pixels of each value, (256, colour bands), without transparent pixels."""
    colour = colour_of(image)
    if not has_alpha(image):
        return np.asarray(colour.hist_find().numpy(), dtype=np.int64).reshape(256, -1)
    seen = alpha_of(image) > 0
    counts = [seen.hist_find_indexed(band).numpy().ravel() / 255 for band in colour.bandsplit()]
    return np.stack(counts, axis=1).astype(np.int64)


def mixed(image: pyvips.Image, other: pyvips.Image, part: float) -> pyvips.Image:
    """Return `part` (0 to 1) of `other` in the picture; both have the same bands."""
    return rounded(image * (1 - part) + other * part).copy(interpretation=image.interpretation)


def from_array(pixels: Array, interpretation: str | None = None) -> pyvips.Image:
    """Return a picture that shares the memory of the array; the array must not change afterwards.

    Args:
        pixels: (H, W, bands).
        interpretation: libvips's name of the colour space; by default gray, or sRGB from 3 bands on.
    """
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels), width, height, bands, "uchar")
    # The property is set directly: `copy`, the usual way, takes 0.09 of the 4.3 ms of a small thumbnail.
    pyvips.VipsObject.set(
        image, "interpretation", interpretation or ("b-w" if bands <= _MOST_GRAY_BANDS else "srgb")
    )
    return image


def to_array(image: pyvips.Image) -> Array:
    """Evaluate a picture into an array, (H, W, bands) uint8."""
    # In this thread: libvips would pass every 16 lines to a thread of its own and wait. For a thumbnail of
    # 640 x 480 that is 23 switches, and 0.6 of 5.2 ms.
    width, height = image.width, image.height
    pixels = np.empty((height, width, image.bands), dtype=np.uint8)
    region = pyvips.Region.new(image)
    for top in range(0, height, _STRIP):
        strip = pixels[top : top + _STRIP]
        strip[:] = np.frombuffer(region.fetch(0, top, width, len(strip)), dtype=np.uint8).reshape(strip.shape)
    return pixels


def to_pillow(image: pyvips.Image) -> PillowImage.Image:
    """Evaluate a picture into one of Pillow's: L, LA, RGB or RGBA."""
    pixels = to_array(image)
    return PillowImage.fromarray(pixels[..., 0] if image.bands == 1 else pixels)
