"""From whatever a file holds to what filters take: uint8, sRGB or gray, alpha last."""

import pyvips

_SRGB_NAMES = (b"sRGB", "sRGB".encode("utf-16-be"))
"""How profiles of sRGB name themselves, in ICC v2 (ASCII) and v4 (UTF-16)."""

_NAME_ENDS_WITHIN = 4096
"""Bytes at a profile's start that hold its description; tables of colours come after."""

_GRAY = {"b-w", "grey16"}


def needs_transform(profile: bytes | None) -> bool:
    """Say whether the profile is another than sRGB's.

    A transform costs more than a decode, and nearly all profiles are sRGB's own: its name is trusted.
    """
    return profile is not None and not any(name in profile[:_NAME_ENDS_WITHIN] for name in _SRGB_NAMES)


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    """Attach an ICC profile to pixels that came from another decoder."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def to_srgb(image: pyvips.Image, profile: bytes | None) -> pyvips.Image:
    """Return the picture as uint8 in sRGB or gray, with at most one band of alpha.

    Args:
        image: Any format and colour space that libvips loads; the profile, if any, attached.
        profile: The same profile; None if there is none.
    """
    gray = image.interpretation in _GRAY
    if image.interpretation == "cmyk" or needs_transform(profile):
        image = _transformed(image)
    image = image.colourspace("b-w" if gray else "srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    most = 2 if gray else 4
    return image if image.bands <= most else image.extract_band(0, n=most)


def _transformed(image: pyvips.Image) -> pyvips.Image:
    """Go through the embedded profile; where it does not fit the pixels, through the standard one."""
    fallback = "cmyk" if image.interpretation == "cmyk" else "srgb"
    return image.icc_transform("srgb", embedded=True, input_profile=fallback, intent="relative", depth=8)
