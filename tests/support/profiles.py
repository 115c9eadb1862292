"""ICC profiles of any name, primaries and curve, and damaged ones."""

import struct
from collections.abc import Mapping

import numpy as np
import pyvips
from PIL import ImageCms

SRGB_COLUMNS = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
P3_COLUMNS = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
REC2020_COLUMNS = ((0.67348, 0.27904, -0.00194), (0.16566, 0.67535, 0.02998), (0.12508, 0.04561, 0.79686))
"""X, Y, Z of red, green and blue in D50. Source: Skia, SkNamedGamut."""

SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + struct.pack(
    ">5i", *(round(each * 65536) for each in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
LINEAR = b"curv" + bytes(8)


def gamma(exponent: float) -> bytes:
    """Return a curve of one exponent."""
    return b"curv\0\0\0\0\0\0\0\1" + struct.pack(">H", round(exponent * 256)) + b"\0\0"


def sampled(count: int) -> bytes:
    """Return sRGB's curve as a table."""
    x = np.linspace(0, 1, count)
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    table = np.round(light * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", count) + table + bytes(-len(table) % 4)


def profile(
    name: str,
    columns: tuple[tuple[float, ...], ...] = SRGB_COLUMNS,
    curve: bytes = SRGB_CURVE,
    *,
    gray: bool = False,
) -> bytes:
    """Return a display profile."""
    tags: dict[bytes, bytes] = {
        b"desc": _text(name),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz((0.9642, 1, 0.8249)),
    }
    if gray:
        tags[b"kTRC"] = curve
    else:
        tags |= {key: _xyz(each) for key, each in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return assembled(b"GRAY" if gray else b"RGB ", tags)


def assembled(space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Return a profile of these tags."""
    at, table, body = 132 + 12 * len(tags), b"", b""
    for key, tag in tags.items():
        table += key + struct.pack(">II", at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4xI", at + len(body), 0x04300000) + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + _xyz((0.9642, 1, 0.8249))[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(each * 65536) for each in values))


def _text(text: str) -> bytes:
    raw = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(raw), 28) + raw + bytes(-len(raw) % 4)


def pillows_srgb() -> bytes:
    """Return LittleCMS's own sRGB."""
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def libvipss(name: str) -> bytes:
    """Return a profile that libvips has built in: `p3` or `srgb`."""
    dot = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    return bytes(dot.icc_transform(name, input_profile="srgb").get("icc-profile-data"))


def damaged() -> dict[str, bytes]:
    """Return damaged profiles, which would change the colours if they were applied."""
    whole = profile("Display P3", P3_COLUMNS)
    count = whole[131]
    return {
        "one byte": b"\0",
        "junk": b"junk" * 40,
        "zeros": bytes(500),
        "a head alone": whole[:128],
        "half": whole[: len(whole) // 2],
        "its end cut": whole[:-20],
        "tags elsewhere": whole[:132] + b"\xff" * 12 * count + whole[132 + 12 * count :],
        "too many tags": whole[:128] + b"\xff" * 4 + whole[132:],
        "no tags": whole[:132] + bytes(len(whole) - 132),
        "noise behind its signature": whole[:36] + b"acsp" + b"\x55" * 400,
        "another space": whole[:16] + b"XXXX" + whole[20:],
        "of ink": whole[:16] + b"CMYK" + whole[20:],
        "another connection space": whole[:20] + b"XXXX" + whole[24:],
        "a link": whole[:12] + b"link" + whole[16:],
        "curves of no kind": whole.replace(b"para", b"none"),
        "primaries of no kind": whole.replace(b"XYZ \0\0\0\0", b"none\0\0\0\0"),
    }
