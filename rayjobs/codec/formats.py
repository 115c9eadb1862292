"""The formats that are read or written, as data. No other format is ever decoded or encoded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rayjobs.errors import UnsupportedFormatError

Reader = Literal["libvips", "pillow", "heif", "jxl", "bitmap", "icon"]
"""The decoder of a format; each is called by one module of this package."""


@dataclass(frozen=True)
class Format:
    """One file format."""

    name: str
    extension: str
    """Extension of written files, without the dot."""
    media_type: str
    magic: re.Pattern[bytes]
    """The pattern of the first bytes of such a file."""
    summary: str
    """What a user should know about the format, in one sentence."""
    suffixes: tuple[str, ...] = ()
    """Other extensions of such files, without the dot, in lower case; `magic` alone decides the format."""
    reader: Reader = "libvips"
    options: Mapping[str, object] = field(default_factory=dict)
    """Fields of `Encoding` that apply to it, with their defaults; empty if the format is only read."""
    efforts: range = range(0)
    """The allowed values of `effort`."""
    longest_side: int = 2**31 - 1
    """Longest side in px that the format, or its encoder, allows."""

    @property
    def writes(self) -> bool:
        """Whether pictures are written in this format."""
        return bool(self.options)


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_SEARCHED: dict[str, object] = {"max_bytes": None, "target_ssim": None}
_METADATA: dict[str, object] = {"metadata": "strip", "keep_copyright": False}

_FORMATS = (
    Format(
        "jpeg",
        "jpg",
        "image/jpeg",
        _begins(rb"\xff\xd8\xff"),
        "Alpha is flattened on white; 8 bits a sample; gray of 12 bits is read too.",
        suffixes=("jpeg", "jpe", "jfif", "mpo"),
        options={"quality": 85, "chroma": "420", "progressive": False, "optimise": "none"}
        | _SEARCHED
        | _METADATA,
        longest_side=65_500,
    ),
    Format(
        "png",
        "png",
        "image/png",
        _begins(rb"\x89PNG\r\n\x1a\n"),
        "Lossless; 16 bits become 8; of an APNG the first frame is read.",
        suffixes=("apng",),
        options={"compression": 6, "progressive": False, "palette": None, "dither": 1.0} | _METADATA,
    ),
    Format(
        "webp",
        "webp",
        "image/webp",
        _begins(rb"RIFF.{4}WEBP"),
        "Sides up to 16383 px; may be animated.",
        options={"quality": 85, "lossless": False, "effort": 2, "frames": "first"} | _SEARCHED | _METADATA,
        efforts=range(7),
        longest_side=16_383,
    ),
    Format(
        "avif",
        "avif",
        "image/avif",
        _begins(rb".{4}ftyp(avi[fs]|m[ia][fi][1f].{4}(.{4}){0,7}?avif)"),
        "The smallest files, the slowest to write; sides up to 16384 px.",
        options={"quality": 60, "lossless": False, "effort": 2, "chroma": "420"} | _SEARCHED | _METADATA,
        efforts=range(10),
        longest_side=16_384,
    ),
    Format(
        "jxl",
        "jxl",
        "image/jxl",
        _begins(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
        "JPEG XL; EXIF and XMP compressed with Brotli are not read; written in sRGB, without IPTC.",
        reader="jxl",
        options={"quality": 85, "lossless": False, "effort": 3} | _SEARCHED | _METADATA,
        efforts=range(1, 10),
        longest_side=65_535,
    ),
    Format(
        "tiff",
        "tif",
        "image/tiff",
        _begins(rb"II[*+]\0|MM\0[*+]"),
        "One page is read, `input.page`; written without loss, with XMP and IPTC, but without EXIF.",
        suffixes=("tiff",),
        options={"packing": "deflate", "frames": "first"} | _METADATA,
    ),
    Format(
        "gif",
        "gif",
        "image/gif",
        _begins(rb"GIF8[79]a"),
        "At most 256 colours; may be animated.",
        options={"palette": 256, "dither": 1.0, "effort": 4, "progressive": False, "frames": "first"},
        efforts=range(1, 11),
        longest_side=65_535,
    ),
    Format(
        "heic",
        "heic",
        "image/heic",
        _begins(rb".{4}ftyp(hei[cxms]|hev[cx]|m[is]f1)"),
        "What phones write; 10 bits become 8.",
        suffixes=("heif", "hif"),
        reader="heif",
    ),
    Format(
        "jp2",
        "jp2",
        "image/jp2",
        _begins(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
        "JPEG 2000, as a file or a bare codestream.",
        suffixes=("j2k", "j2c", "jpx", "jpf", "jpc"),
        reader="pillow",
    ),
    Format(
        "bmp",
        "bmp",
        "image/bmp",
        _begins(rb"BM(.{4}\0\0\0\0|.{12}[\x0c-\x7c]\0\0\0)"),
        "Bitmaps of Windows and OS/2, with any bit fields; not those that hold a JPEG or PNG.",
        suffixes=("dib",),
        reader="bitmap",
    ),
    Format(
        "ppm",
        "ppm",
        "image/x-portable-anymap",
        _begins(rb"P[1-6][\s#]"),
        "PBM, PGM and PPM, as text or binary.",
        suffixes=("pbm", "pgm", "pnm"),
        reader="pillow",
    ),
    Format(
        "ico",
        "ico",
        "image/vnd.microsoft.icon",
        _begins(rb"\0\0\x01\0(?!\0\0).{5}[\0\xff]"),
        "Windows icons: the largest picture within.",
        reader="icon",
    ),
    # The last: a TGA has no magic bytes, so all the 18 bytes of its header must be valid.
    Format(
        "tga",
        "tga",
        "image/x-tga",
        _begins(
            rb".(\0([\x02\x0a]\0{5}%s[\x10\x18\x20]|[\x03\x0b]\0{5}%s[\x08\x10])"
            rb"|\x01[\x01\x09]..(?!\0\0)..[\x0f\x10\x18\x20]%s\x08)[\0\x01\x08\x10\x11\x18 !(018]"
            % ((rb".{4}(?!\0\0)..(?!\0\0)..",) * 3)
        ),
        "Truevision TGA: true colour, gray and palettes, plain or run-length encoded.",
        reader="pillow",
    ),
)

NOT_READ: dict[str, str] = {
    "psd": "a file saved without its flattened copy would come out blank, and 16 bits are not read",
    "qoi": "the available decoder is pure Python and takes seconds for each megapixel",
    "svg": "a drawing that may refer to other files, and has no pixels of its own",
    "pdf": "a document of drawn pages, not a picture",
    "eps": "a program in PostScript",
    "raw": "the data of a camera's sensor, whose colours depend on the program: export a TIFF or JPEG",
}
"""Formats that are not read, and the reason."""

FORMATS: dict[str, Format] = {each.name: each for each in _FORMATS}
"""Every format by its name; all can be read."""

SUFFIXES = frozenset(suffix for each in _FORMATS for suffix in (each.extension, *each.suffixes))
"""Extensions of files of these formats, without the dot, in lower case."""

OutputFormat = Literal["jpeg", "png", "webp", "avif", "jxl", "tiff", "gif"]
"""The names of the formats that are written."""


def recognise(data: bytes) -> Format:
    """Return the format whose magic bytes begin the file; the name of the file does not count.

    Raises:
        UnsupportedFormatError: The file is empty, or its first bytes belong to no format.
    """
    known = ", ".join(FORMATS)
    if not data:
        raise UnsupportedFormatError("the file is empty", limit=known)
    for each in _FORMATS:
        if each.magic.match(data):
            return each
    start = bytes(data[:8])
    detail = f"the file begins with {start!r}, like no format that can be read: {known}"
    raise UnsupportedFormatError(detail, limit=known, actual=start.hex(" "))
