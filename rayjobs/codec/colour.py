"""From whatever a file holds to what filters take: uint8, sRGB or gray, alpha last."""

from collections import defaultdict

import pyvips

from rayjobs.codec import icc

_GRAY = {"b-w", "grey16"}

_SPACES = defaultdict(lambda: b"RGB ", {"b-w": b"GRAY", "grey16": b"GRAY", "cmyk": b"CMYK"})
"""libvips's interpretation: the colour space of a profile for such pixels."""


def needs_transform(profile: bytes | None) -> bool:
    """Say whether the profile is another than sRGB's: a transform costs more than a decode."""
    return profile is not None and not icc.is_srgb(profile)


def is_gray(opened: object) -> bool:
    """Say whether a picture that was opened, by whichever reader, has no colours."""
    if isinstance(opened, pyvips.Image):
        return opened.interpretation in _GRAY
    return getattr(opened, "mode", "") in {"L", "LA", "1", "I;16"}


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
        image = _transformed(image, profile if has_own else None)
    image = image.colourspace("b-w" if gray else "srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    most = 2 if gray else 4
    return image if image.bands <= most else image.extract_band(0, n=most)


def _transformed(image: pyvips.Image, profile: bytes | None) -> pyvips.Image:
    """Return the picture in sRGB, by LittleCMS; a profile that it refuses is none."""
    # CMYK without a profile, or with one of another space, goes through a common printer's.
    fallback = "cmyk" if image.interpretation == "cmyk" else "srgb"
    given = with_profile(image, profile) if profile else image
    try:
        return given.icc_transform(
            "srgb", embedded=profile is not None, input_profile=fallback, intent="relative", depth=8
        )
    except pyvips.Error:
        # Damaged colours lose no picture: as if there were no profile.
        return image if fallback == "srgb" else _transformed(image, None)
