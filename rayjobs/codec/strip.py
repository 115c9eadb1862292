"""A strip of packed samples as a file of its own, for the libtiff within Pillow to unpack."""

import struct

from PIL import TiffImagePlugin

from rayjobs.codec.layout import BLACK_IS_ZERO

_SHORT, _LONG = 3, 4
_FIRST_IFD = 8
_ENTRY = struct.Struct("<HHII")


def as_tiff(data: bytes, size: tuple[int, int], bits: int, compression: int) -> bytes:
    """Return a TIFF of one strip, gray, unsigned. Source: TIFF 6.0, section 2."""
    width, height = size
    tags = [
        (TiffImagePlugin.IMAGEWIDTH, _LONG, width),
        (TiffImagePlugin.IMAGELENGTH, _LONG, height),
        (TiffImagePlugin.BITSPERSAMPLE, _SHORT, bits),
        (TiffImagePlugin.COMPRESSION, _SHORT, compression),
        (TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, _SHORT, BLACK_IS_ZERO),
        (TiffImagePlugin.STRIPOFFSETS, _LONG, 0),
        (TiffImagePlugin.SAMPLESPERPIXEL, _SHORT, 1),
        (TiffImagePlugin.ROWSPERSTRIP, _LONG, height),
        (TiffImagePlugin.STRIPBYTECOUNTS, _LONG, len(data)),
    ]
    start = _FIRST_IFD + 2 + _ENTRY.size * len(tags) + 4
    entries = (
        _ENTRY.pack(tag, kind, 1, start if tag == TiffImagePlugin.STRIPOFFSETS else value)
        for tag, kind, value in tags
    )
    head = struct.pack("<2sHIH", b"II", 42, _FIRST_IFD, len(tags))
    return b"".join((head, *entries, bytes(4), data))
