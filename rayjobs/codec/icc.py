"""ICC profiles: checks whether one is valid or sRGB's, and builds one from primaries and a curve.

Source: ICC.1:2022 (profile version 4.4), sections 7.2, 7.3, 10.6, 10.18, 10.31.
"""

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Point = tuple[float, float]
"""The chromaticity x, y of a colour. Source: CIE 15."""

_HEAD = 132
"""Bytes of the header and of the number of tags."""

_MOST_TAGS = 100

_D50 = np.array([0.9642, 1.0, 0.8249])

D65: Point = (0.3127, 0.329)

_SRGB_PRIMARIES = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7142]])
"""X, Y, Z of red, green and blue in D50. Source: IEC 61966-2-1; ICC, "sRGB" (color.org)."""

_NEAR = 0.003
"""Largest difference of sRGB's primaries between writers, by rounding and other adaptations to D50. Those of
P3 differ by 0.05."""

_LEVEL = 0.8 / 255
"""Largest difference of a curve from sRGB's, in encoded values: small profiles have a short table. A gamma of
2.2 differs by 5 of 255."""

_DARK = 0.0031308
"""Linear light below which sRGB's encoding is a straight line."""

_ENCODED = np.linspace(0, 1, 256)

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""Bradford matrix of chromatic adaptation. Source: ICC.1:2022, annex E."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""g, a, b, c, d of a parametric curve of type 3."""

_PARAMETER_COUNTS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Type of a parametric curve: the number of its parameters."""

_KNOWN: OrderedDict[bytes, bool] = OrderedDict()
_MOST_KNOWN = 256


def is_srgb(profile: bytes) -> bool:
    """Return whether a profile is sRGB's, by its primaries and curve: its name is not reliable."""
    key = hashlib.sha256(profile).digest()
    if key not in _KNOWN:
        _KNOWN[key] = _is_srgb(profile)
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.popitem(last=False)
    return _KNOWN[key]


@lru_cache(maxsize=8)
def sound(raw: bytes) -> bytes | None:
    """Return a profile with its size corrected; None if it is no profile, or lacks a tag that it lists."""
    if len(raw) < _HEAD or raw[36:40] != b"acsp" or int.from_bytes(raw[128:132], "big") > _MOST_TAGS:
        return None
    ends = [at + size for _, at, size in _entries(raw)]
    if not ends or max(ends) > len(raw):
        return None
    stated = int.from_bytes(raw[:4], "big")
    if stated == len(raw):
        return raw
    size = stated if max(ends) <= stated < len(raw) else len(raw)
    return size.to_bytes(4, "big") + raw[4:size]


def _entries(profile: bytes) -> list[tuple[bytes, int, int]]:
    count = min(int.from_bytes(profile[128:132], "big"), _MOST_TAGS, (len(profile) - _HEAD) // 12)
    return [struct.unpack_from(">4sII", profile, _HEAD + 12 * number) for number in range(count)]


def _is_srgb(profile: bytes) -> bool:
    tags = {name: profile[at : at + size] for name, at, size in _entries(profile)}
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return False
    try:
        if profile[16:20] == b"GRAY":
            return _has_srgb_curve(tags[b"kTRC"])
        primaries = np.array([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
        near = bool(np.abs(primaries - _SRGB_PRIMARIES).max() <= _NEAR)
        return near and all(_has_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, ValueError, FloatingPointError):
        return False


def _xyz(tag: bytes) -> Sequence[float]:
    return [number / 65536 for number in struct.unpack_from(">3i", tag, 8)]


def _has_srgb_curve(tag: bytes) -> bool:
    encoded = _encoded(_decoded(tag, _ENCODED))
    return bool(np.abs(encoded - _ENCODED).max() <= _LEVEL)


def _decoded(tag: bytes, encoded: Floats) -> Floats:
    """Return the linear light of encoded values by the tag of a curve.

    Raises:
        ValueError, struct.error: The tag is no curve.
    """
    count = int.from_bytes(tag[8:12], "big")
    if tag[:4] == b"curv":
        if count == 0:
            return encoded
        if count == 1:
            return np.asarray(encoded ** (int.from_bytes(tag[12:14], "big") / 256))
        table = np.frombuffer(tag, ">u2", count, 12) / 65535
        return np.interp(encoded, np.linspace(0, 1, count), table)
    kind = count >> 16
    if tag[:4] != b"para" or kind not in _PARAMETER_COUNTS:
        raise ValueError("the curve has no known type")
    numbers = [each / 65536 for each in struct.unpack_from(f">{_PARAMETER_COUNTS[kind]}i", tag, 12)]
    return _parametric(kind, numbers, encoded)


def _parametric(kind: int, numbers: Sequence[float], x: Floats) -> Floats:
    """Return the values of a parametric curve at `x`. Source: ICC.1:2022, table 68."""
    g, a, b, c, d, e, f = (*numbers, *(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)[len(numbers) :])
    if kind in {1, 2}:
        # Y = (a x + b)^g + c for x from -b / a on, and c below.
        offset, c, d = (c if kind == 2 else 0.0), 0.0, -b / (a or 1)  # noqa: PLR2004 - only type 2 has c
        e = f = offset
    if kind == 0:
        a, d = 1.0, 0.0
    return np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)


def _encoded(light: Floats) -> Floats:
    """Return sRGB's encoding of linear light. Source: IEC 61966-2-1, section 5.2."""
    light = light.clip(0, 1)
    return np.where(light <= _DARK, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def build_profile(white: Point, primaries: Sequence[Point], curve: Sequence[float], *, gray: bool) -> bytes:
    """Build a profile.

    Args:
        white: Chromaticity of white.
        primaries: Chromaticities of red, green and blue.
        curve: One gamma, or `SRGB_CURVE`.
        gray: Whether the profile is for gray pixels, which need the curve alone.

    Raises:
        ValueError: The chromaticities are impossible.
    """
    numbers = b"".join(_fixed(each) for each in curve)
    trc = b"para\0\0\0\0" + (b"\0\3\0\0" if len(curve) > 1 else b"\0\0\0\0") + numbers
    tags = {b"desc": _text("rayjobs"), b"cprt": _text("CC0"), b"wtpt": _xyz_tag(_D50)}
    if gray:
        tags[b"kTRC"] = trc
    else:
        columns = _adapted(white, primaries)
        tags |= {name: _xyz_tag(columns[:, at]) for at, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc)
    return _profile(b"GRAY" if gray else b"RGB ", tags)


def _adapted(white: Point, primaries: Sequence[Point]) -> Floats:
    """Return the matrix from linear RGB to X, Y, Z in D50. Source: ICC.1:2022, annexes E, F."""
    if not all(0 <= x <= 1 and 0 < y <= 1 and x + y <= 1 for x, y in (white, *primaries)):
        raise ValueError("the chromaticities are impossible")
    columns = np.array([_xyz_of(each) for each in primaries]).T
    target = _xyz_of(white)
    try:
        columns = columns * np.linalg.solve(columns, target)
    except np.linalg.LinAlgError as error:
        raise ValueError("the primaries are on one line") from error
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ target)
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ columns
    if not np.isfinite(adapted).all() or np.abs(adapted).max() > 4:  # noqa: PLR2004 - far beyond any screen
        raise ValueError("the chromaticities are impossible")
    return adapted


def _xyz_of(point: Point) -> Floats:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))


def _xyz_tag(values: Floats) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(float(each)) for each in values)


def _text(text: str) -> bytes:
    raw = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(raw), 28) + raw


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    at, body, places = _HEAD + 12 * len(tags), b"", dict[bytes, int]()
    for tag in tags.values():
        if tag not in places:
            places[tag] = at + len(body)
            body += tag + bytes(-len(tag) % 4)
    table = b"".join(struct.pack(">4sII", name, places[tag], len(tag)) for name, tag in tags.items())
    head = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s", at + len(body), b"", 0x04300000, b"mntr", space, b"XYZ ", b"", b"acsp",
        b"", b"".join(_fixed(float(each)) for each in _D50), b"",
    )  # fmt: skip
    return head + struct.pack(">I", len(tags)) + table + body
