"""Colour signalling without an ICC profile: the chunks of PNG, the `nclx` of AVIF and HEIC.

The signalling becomes a profile, so that one path leads to sRGB. In a PNG, cICP has precedence over the ICC
profile, and the profile over gAMA and cHRM (PNG, third edition, section 4.3, table 1). In AVIF and HEIC the
ICC profile has precedence (ISO/IEC 23000-22, section 7.3.6.4).
"""

import struct
from collections.abc import Sequence
from itertools import islice

from rayjobs.codec import icc
from rayjobs.codec.boxes import boxes
from rayjobs.codec.icc import D65, SRGB_CURVE, Point

_BT709: tuple[Point, ...] = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06))

_PRIMARIES: dict[int, tuple[Point, tuple[Point, ...]]] = {
    1: (D65, _BT709),
    5: (D65, ((0.64, 0.33), (0.29, 0.6), (0.15, 0.06))),
    6: (D65, ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07))),
    7: (D65, ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07))),
    9: (D65, ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046))),
    11: ((0.314, 0.351), ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))),
    12: (D65, ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))),
}
"""Colour primaries: white, and red, green and blue. Source: ITU-T H.273, table 2."""

_CURVES: dict[int, Sequence[float]] = {
    1: SRGB_CURVE,
    4: (2.2,),
    5: (2.8,),
    6: SRGB_CURVE,
    8: (1.0,),
    13: SRGB_CURVE,
    14: SRGB_CURVE,
    15: SRGB_CURVE,
}
"""Transfer characteristics: the curve. Source: ITU-T H.273, table 3. Every viewer shows those of
cameras (1, 6, 14, 15) as sRGB's. Those of HDR (16, 18) are left out: 8 bits of sRGB can't show them without a
choice of the loss."""

_GAMMA_OF_SRGB, _SIGNIFICANT = 1 / 2.2, 0.05
"""sRGB's gamma, and the largest relative difference of a gamma that counts as sRGB's. Source: libpng, png.h,
PNG_GAMMA_THRESHOLD."""

_SRGB_IN_CHRM = 0.005
"""Largest difference of chromaticities that count as sRGB's."""

SIGNALLING = {"png", "avif", "heic"}
"""Formats that signal colours by other means than a profile."""

_MOST_CHUNKS = 1000
_MOST_BOXES = 10_000


def profile_signalled(data: bytes, name: str, *, has_profile: bool, gray: bool) -> bytes | None:
    """Return a profile of a file's colour signalling; None if its ICC profile counts, or for sRGB.

    Args:
        data: The file.
        name: Name of the file's format.
        has_profile: Whether the file has an ICC profile.
        gray: Whether the pixels are gray.
    """
    if name == "png":
        return _of_png(data, has_profile=has_profile, gray=gray)
    if name in {"avif", "heic"} and not has_profile:
        return _of_points(_nclx(data), gray=gray)
    return None


def _of_points(points: tuple[int, int] | None, *, gray: bool) -> bytes | None:
    """Return a profile for the code points of primaries and curve; None if they are sRGB's, or unknown."""
    primaries, curve = (points and _PRIMARIES.get(points[0])), (points and _CURVES.get(points[1]))
    if not primaries or not curve or (curve is SRGB_CURVE and (gray or primaries[1] is _BT709)):
        return None
    return icc.build_profile(*primaries, curve, gray=gray)


def _of_png(data: bytes, *, has_profile: bool, gray: bool) -> bytes | None:
    chunks = _chunks_before_pixels(data)
    points = chunks.get(b"cICP", b"")
    if len(points) == 4 and points[2:] == b"\0\1" and points[1] in _CURVES and points[0] in _PRIMARIES:  # noqa: PLR2004
        signalled = _of_points((points[0], points[1]), gray=gray)
        # cICP of sRGB overrides the ICC profile too, so it needs a profile of its own then.
        return signalled or (icc.build_profile(D65, _BT709, SRGB_CURVE, gray=gray) if has_profile else None)
    if has_profile or b"sRGB" in chunks:
        return None
    gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big") / 100_000
    if len(chunks.get(b"gAMA", b"")) != 4 or not 0.01 <= gamma <= 10:  # noqa: PLR2004 - beyond is damage
        return None
    is_usual = abs(gamma / _GAMMA_OF_SRGB - 1) < _SIGNIFICANT
    white, primaries = _chromaticities(chunks.get(b"cHRM", b""))
    if is_usual and (gray or primaries == _BT709):
        return None
    try:
        return icc.build_profile(white, primaries, SRGB_CURVE if is_usual else (1 / gamma,), gray=gray)
    except ValueError:
        # Impossible chromaticities are damage: they count as no signalling.
        return None


def _chromaticities(chunk: bytes) -> tuple[Point, tuple[Point, ...]]:
    """Return white and primaries of a cHRM chunk; sRGB's if there is none, or they are nearly sRGB's."""
    if len(chunk) != 32:  # noqa: PLR2004 - 8 numbers
        return D65, _BT709
    numbers = [each / 100_000 for each in struct.unpack(">8I", chunk)]
    usual = [each for point in (D65, *_BT709) for each in point]
    if all(abs(one - other) <= _SRGB_IN_CHRM for one, other in zip(numbers, usual, strict=True)):
        return D65, _BT709
    white, *primaries = zip(numbers[::2], numbers[1::2], strict=True)
    return white, tuple(primaries)


def _chunks_before_pixels(data: bytes) -> dict[bytes, bytes]:
    """Return the first chunk of each type that signals colours."""
    at, found = 8, dict[bytes, bytes]()
    for _ in range(_MOST_CHUNKS):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT" or len(kind) < 4:  # noqa: PLR2004 - the end
            break
        if kind in {b"cICP", b"sRGB", b"gAMA", b"cHRM"}:
            found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 12 + size
    return found


def _nclx(data: bytes) -> tuple[int, int] | None:
    """Return the primary item's primaries and transfer. Source: ISO/IEC 14496-12, sections 8.11, 12.1.5."""
    for kind, _, start, end in islice(boxes(data), _MOST_BOXES):
        if kind == b"meta":
            return _nclx_of_meta(data[start + 4 : end])
    return None


def _nclx_of_meta(meta: bytes) -> tuple[int, int] | None:
    parts = {kind: meta[start:end] for kind, _, start, end in islice(boxes(meta), _MOST_BOXES)}
    primary = parts.get(b"pitm", b"")
    item = int.from_bytes(primary[4:8] if primary[:1] == b"\1" else primary[4:6], "big")
    properties = {kind: (start, end) for kind, _, start, end in boxes(parts.get(b"iprp", b""))}
    inner = parts.get(b"iprp", b"")
    start, end = properties.get(b"ipco", (0, 0))
    listed = list(islice(boxes(inner[start:end]), _MOST_BOXES))
    start, end = properties.get(b"ipma", (0, 0))
    for number in _associated(inner[start:end], item):
        if 0 < number <= len(listed):
            kind, _, at, _ = listed[number - 1]
            at += properties[b"ipco"][0]
            if kind == b"colr" and inner[at : at + 4] == b"nclx":
                return int.from_bytes(inner[at + 4 : at + 6], "big"), int.from_bytes(
                    inner[at + 6 : at + 8], "big"
                )
    return None


def _associated(ipma: bytes, wanted: int) -> list[int]:
    """Return the numbers of an item's properties, from 1. Source: ISO/IEC 23008-12, section 9.3."""
    wide_item, wide_index = ipma[:1] >= b"\1", bool(ipma[3:4] and ipma[3] & 1)
    id_size, index_size = (4 if wide_item else 2), (2 if wide_index else 1)
    at, mask = 8, (0x7FFF if wide_index else 0x7F)
    for _ in range(min(int.from_bytes(ipma[4:8], "big"), _MOST_BOXES)):
        item, count = int.from_bytes(ipma[at : at + id_size], "big"), ipma[at + id_size : at + id_size + 1]
        at += id_size + 1
        size = index_size * (count[0] if count else 0)
        if item == wanted:
            raw = ipma[at : at + size]
            return [
                int.from_bytes(raw[start : start + index_size], "big") & mask
                for start in range(0, len(raw), index_size)
            ]
        at += size
    return []
