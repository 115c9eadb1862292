"""The facts that a file contains about its picture, as plain JSON."""

import pyvips
from pydantic import JsonValue

from rayjobs.codec.header import Header

_LONGEST = 200
"""Characters of one entry: a camera's notes have kilobytes, and the record of an item must stay small."""

_MOST = 100
"""Entries of EXIF; no known camera writes as many useful ones."""

_EXIF = "exif-ifd"
"""Prefix of libvips's names for EXIF entries, such as `exif-ifd0-Make`; there are five groups."""


def facts(data: bytes, header: Header) -> dict[str, JsonValue]:
    """Return format, size in px before any turn, orientation, frames, and the entries of EXIF and ICC."""
    found: dict[str, JsonValue] = {
        "format": header.format.name,
        "width": header.width,
        "height": header.height,
        "bytes": len(data),
        "frames": header.frames,
        "orientation": header.orientation,
    }
    if isinstance(header.lazy, pyvips.Image):
        found |= {
            "bands": header.lazy.bands,
            "depth": header.lazy.format,
            "colour": header.lazy.interpretation,
        }
        found["exif"] = _exif(header.lazy)
    if header.profile is not None:
        found["icc"] = {"bytes": len(header.profile), "colour": _text(header.profile[16:20])}
    return found


def _exif(lazy: pyvips.Image) -> dict[str, JsonValue]:
    names = [name for name in lazy.get_fields() if name.startswith(_EXIF)][:_MOST]
    # libvips gives "Canon (Canon, ASCII, 6 components, 6 bytes)": the value, then its storage.
    return {name.split("-", 2)[2]: str(lazy.get(name)).split(" (")[0][:_LONGEST] for name in names}


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip()
