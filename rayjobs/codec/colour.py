"""Conversion of any pixels to those that filters take: uint8, sRGB or gray, alpha last."""

from collections import defaultdict

import pyvips

from rayjobs.codec import icc

_GRAY = {"b-w", "grey16"}

_SPACES = defaultdict(lambda: b"RGB ", {"b-w": b"GRAY", "grey16": b"GRAY", "cmyk": b"CMYK"})
"""libvips's interpretation of pixels: the colour space of a profile for them."""


def needs_transform(profile: bytes | None) -> bool:
    """Return whether the profile differs from sRGB's: a transform costs more than a decode."""
    return profile is not None and not icc.is_srgb(profile)


def is_gray(opened: object) -> bool:
    """Return whether an opened picture, of any reader, is gray."""
    if isinstance(opened, pyvips.Image):
        return opened.interpretation in _GRAY
    return getattr(opened, "mode", "") in {"L", "LA", "1", "I;16"}


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    """Return the picture with an ICC profile attached."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def fits(profile: bytes, image: pyvips.Image) -> bool:
    """Return whether a profile is for the picture's colour space. Source: ICC.1:2022, section 7.2.6."""
    return profile[16:20] == _SPACES[image.interpretation]


def to_srgb(image: pyvips.Image, profile: bytes | None, *, keep: bool = False) -> pyvips.Image:
    """Return the picture as uint8 in sRGB or gray, with at most one band of alpha.

    Args:
        image: In any format and colour space that libvips loads, with its profile attached if it has one.
        profile: The picture's profile; None if it has none.
        keep: Whether RGB and gray pixels stay in the profile's colours.
    """
    gray = image.interpretation in _GRAY
    is_cmyk = image.interpretation == "cmyk"
    has_own = profile is not None and fits(profile, image)
    if is_cmyk or (has_own and needs_transform(profile) and not keep):
        image = _transformed(image, profile if has_own else None)
    image = image.colourspace("b-w" if gray else "srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    most = 2 if gray else 4
    return image if image.bands <= most else image.extract_band(0, n=most)


def _transformed(image: pyvips.Image, profile: bytes | None) -> pyvips.Image:
    """Return the picture in sRGB, by LittleCMS; a profile that LittleCMS refuses is ignored."""
    # CMYK without a profile of its own space takes libvips's profile of a common printer.
    fallback = "cmyk" if image.interpretation == "cmyk" else "srgb"
    given = with_profile(image, profile) if profile else image
    try:
        return given.icc_transform(
            "srgb", embedded=profile is not None, input_profile=fallback, intent="relative", depth=8
        )
    except pyvips.Error:
        # A damaged profile must not lose the picture, so it counts as no profile.
        return image if fallback == "srgb" else _transformed(image, None)
