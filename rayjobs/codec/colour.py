"""From whatever a file holds to what filters take: uint8, sRGB or gray, alpha last."""

from collections import defaultdict

import pyvips

_SRGB_NAMES = ("sRGB", "RGB_D65_SRG_", "Gra_D65_")
"""How profiles of sRGB name themselves; the last two are libjxl's, of colour and gray."""

_NAMES = tuple(form for name in _SRGB_NAMES for form in (name.encode(), name.encode("utf-16-be")))
"""The names as ICC v2 (ASCII) and v4 (UTF-16) write them."""

_NAME_ENDS_WITHIN = 4096
"""Bytes at a profile's start that hold its description; tables of colours come after."""

_GRAY = {"b-w", "grey16"}

_SPACES = defaultdict(lambda: b"RGB ", {"b-w": b"GRAY", "grey16": b"GRAY", "cmyk": b"CMYK"})
"""libvips's interpretation: the colour space of a profile for such pixels."""


def needs_transform(profile: bytes | None) -> bool:
    """Say whether the profile is another than sRGB's.

    A transform costs more than a decode, and nearly all profiles are sRGB's own: its name is trusted.
    """
    return profile is not None and not any(name in profile[:_NAME_ENDS_WITHIN] for name in _NAMES)


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    """Attach an ICC profile to pixels that came from another decoder."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def fits(profile: bytes, image: pyvips.Image) -> bool:
    """Say whether a profile is one for such pixels. Source: ICC.1:2022, section 7.2.6, colour space."""
    return profile[16:20] == _SPACES[image.interpretation]


def to_srgb(image: pyvips.Image, profile: bytes | None, *, keep: bool = False) -> pyvips.Image:
    """Return the picture as uint8 in sRGB or gray, with at most one band of alpha.

    Args:
        image: Any format and colour space that libvips loads; the profile, if any, attached.
        profile: The same profile; None if there is none.
        keep: Leave the colours as the profile has them, where the pixels are RGB or gray.
    """
    gray = image.interpretation in _GRAY
    is_cmyk = image.interpretation == "cmyk"
    has_own = profile is not None and fits(profile, image)
    if is_cmyk or (has_own and needs_transform(profile) and not keep):
        # CMYK without a profile, or with one of another space, goes through a common printer's.
        image = image.icc_transform(
            "srgb", embedded=has_own, input_profile="cmyk" if is_cmyk else "srgb", intent="relative", depth=8
        )
    image = image.colourspace("b-w" if gray else "srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    most = 2 if gray else 4
    return image if image.bands <= most else image.extract_band(0, n=most)
