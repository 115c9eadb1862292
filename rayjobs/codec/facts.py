"""What a file says of itself beside its pixels, as plain JSON."""

import pyvips
from pydantic import JsonValue

from rayjobs.codec.header import Header

_LONGEST = 200
"""Characters of one entry: a camera's notes fill kilobytes, and an item's record must stay small."""

_MOST = 100
"""Entries; nobody was seen to have as many that mean anything."""

_EXIF = "exif-ifd"
"""How libvips names what it read of EXIF: `exif-ifd0-Make`, in each of five groups."""


def facts(data: bytes, header: Header) -> dict[str, JsonValue]:
    """Return format, size in px as stored, orientation, frames, and the EXIF and ICC entries there are."""
    told: dict[str, JsonValue] = {
        "format": header.format.name,
        "width": header.width,
        "height": header.height,
        "bytes": len(data),
        "frames": header.frames,
        "orientation": header.orientation,
    }
    if isinstance(header.lazy, pyvips.Image):
        told |= {
            "bands": header.lazy.bands,
            "depth": header.lazy.format,
            "colour": header.lazy.interpretation,
        }
        told["exif"] = _exif(header.lazy)
    if header.profile is not None:
        told["icc"] = {"bytes": len(header.profile), "colour": _text(header.profile[16:20])}
    return told


def _exif(lazy: pyvips.Image) -> dict[str, JsonValue]:
    names = [name for name in lazy.get_fields() if name.startswith(_EXIF)][:_MOST]
    # libvips writes "Canon (Canon, ASCII, 6 components, 6 bytes)": the value, then how it was stored.
    return {name.split("-", 2)[2]: str(lazy.get(name)).split(" (")[0][:_LONGEST] for name in names}


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip()
