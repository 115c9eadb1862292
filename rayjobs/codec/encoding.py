"""From pixels to a file: how a client asks for it, and the writing."""

from typing import Annotated, Any, Literal

import pyvips
from pydantic import BaseModel, ConfigDict, Field

from rayjobs.codec import jpeg
from rayjobs.codec.formats import FORMATS, OutputFormat
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import HELD_PIXELS

_WHITE = [255.0, 255.0, 255.0]


class Encoding(BaseModel):
    """How pictures are written; metadata (EXIF with its GPS, ICC, XMP) never is."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    format: OutputFormat = "jpeg"
    """`jpeg` flattens alpha on white; `png` is lossless; `webp` is small and keeps alpha."""
    quality: Annotated[int, Field(ge=1, le=100)] = 85
    """Of `jpeg` and `webp`, on their own scales, 1 is the worst; `png` has none."""
    compression: Annotated[int, Field(ge=0, le=9)] = 6
    """Of `png`: zlib's effort. On a photograph 1 takes half the time of 6 for 17 % more bytes."""
    effort: Annotated[int, Field(ge=0, le=6)] = 2
    """Of `webp`: 4 takes 2.4 times the time of 2 for 4 % fewer bytes."""
    chroma: Literal["420", "444"] = "420"
    """Of `jpeg`: colour at half its size, or whole for drawings and red text."""

    @property
    def extension(self) -> str:
        """Extension of the files, without the dot."""
        return FORMATS[self.format].extension

    @property
    def media_type(self) -> str:
        """Media type of the files."""
        return FORMATS[self.format].media_type


def describe_formats() -> list[dict[str, Any]]:
    """Return each format, and the JSON Schema of its options if it is written, for `GET /formats`."""
    fields = Encoding.model_json_schema()["properties"]
    return [
        {
            "name": each.name,
            "summary": each.summary,
            "extension": each.extension,
            "media_type": each.media_type,
            "reads": True,
            "writes": each.writes,
            "schema": {"type": "object", "properties": {name: fields[name] for name in each.options or ()}},
        }
        for each in FORMATS.values()
    ]


def encode(image: pyvips.Image, encoding: Encoding) -> bytes:
    """Return the picture as a file.

    Args:
        image: uint8, sRGB or gray, 1 to 4 bands; only evaluated now if it is lazy.
        encoding: The format and its options.

    Raises:
        EncodeFailedError: The encoder refused, for one because WebP has sides up to 16383 px.
        pyvips.Error: A lazy picture could not be evaluated.
    """
    match encoding.format:
        case "jpeg":
            return _jpeg(image, encoding)
        case "png":
            return _checked(image, "png", compression=encoding.compression)
        case "webp":
            return _checked(image, "webp", Q=encoding.quality, effort=encoding.effort)


def _jpeg(image: pyvips.Image, encoding: Encoding) -> bytes:
    opaque = image.flatten(background=_WHITE[: image.bands - 1]) if image.hasalpha() else image
    if image.width * image.height <= HELD_PIXELS:
        return jpeg.encode(opaque, encoding.quality, encoding.chroma)
    subsample = "on" if encoding.chroma == "420" else "off"
    return _checked(opaque, "jpeg", Q=encoding.quality, subsample_mode=subsample)


_LONGEST_SIDE = {"jpeg": 65_500, "png": 2**31 - 1, "webp": 16_383}
"""px; libjpeg's own, PNG's format, and libwebp's (14 bits)."""


def _checked(image: pyvips.Image, name: str, **options: object) -> bytes:
    limit, longest = _LONGEST_SIDE[name], max(image.width, image.height)
    if longest > limit:
        detail = f"a side of {longest} px is too long for {name}, whose limit is {limit} px"
        raise EncodeFailedError(detail, limit=limit, actual=longest)
    encoded: bytes = getattr(image, f"{name}save_buffer")(keep="none", **options)
    return encoded
