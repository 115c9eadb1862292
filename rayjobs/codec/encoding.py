"""Encoding of pixels to a file, with a given quality or one that is searched for."""

from dataclasses import dataclass, field

import pyvips

from rayjobs.codec import search
from rayjobs.codec.colour import fits, to_srgb, with_profile
from rayjobs.codec.decoding import decode
from rayjobs.codec.formats import FORMATS, OutputFormat
from rayjobs.codec.header import read_header
from rayjobs.codec.limits import Limits
from rayjobs.codec.metadata import Metadata, with_metadata
from rayjobs.codec.options import Encoding
from rayjobs.codec.similarity import ssim
from rayjobs.codec.writing import WRITERS
from rayjobs.errors import EncodeFailedError
from rayjobs.filters.pixels import has_alpha

_WHITE = [255.0, 255.0, 255.0]

_WITHOUT_PROFILE = {"gif", "jxl"}
"""Formats written without a profile: GIF has none, and the encoder of JPEG XL accepts none."""

_SAMPLE = 512
"""Sides of the piece, in px, from which `auto` decides whether a picture is a drawing."""

_OURS = Limits(max_pixels=2**40)
"""Limits for files that this process wrote: they have any size."""


@dataclass(frozen=True)
class Encoded:
    """An encoded file, with its format and quality."""

    data: bytes
    format: OutputFormat
    quality: int | None = None
    """None if the format has no quality, or the file is lossless."""


@dataclass(frozen=True)
class AncillaryData:
    """What the source contains beside the pixels."""

    metadata: Metadata = field(default_factory=Metadata)
    profile: bytes | None = None
    """The ICC profile of the pixels, if it is not sRGB's."""
    orientation: int = 1
    """The EXIF orientation of the pixels."""


def encode(image: pyvips.Image, encoding: Encoding, ancillary: AncillaryData | None = None) -> Encoded:
    """Return the picture as a file.

    Args:
        image: uint8, RGB or gray, 1 to 4 bands; a lazy one is evaluated here.
        encoding: The format and its options.
        ancillary: Metadata, of which the encoding's policy is applied, and the profile of the colours.

    Raises:
        EncodeFailedError: The encoder refused the picture, or a side is longer than the format allows (WebP:
            16383 px), or no quality gives a file of at most `max_bytes`.
        pyvips.Error: A lazy picture could not be evaluated.
    """
    ancillary = ancillary or AncillaryData()
    if encoding.format == "auto":
        return _smallest(image.copy_memory(), encoding, ancillary)
    _check_side(image, encoding.format)
    ready, kept = _prepared(image, encoding, ancillary)
    if encoding.max_bytes or encoding.target_ssim:
        return _searched(ready.copy_memory(), encoding, kept)
    return _written(ready, encoding, encoding.option("quality"), kept)


def _check_side(image: pyvips.Image, name: str) -> None:
    # The frames of an animation are joined below each other.
    height = image.get("page-height") if image.get_typeof("page-height") else image.height
    limit, longest = FORMATS[name].longest_side, max(image.width, height)
    if longest > limit:
        detail = f"a side of {longest} px is too long for {name}, whose limit is {limit} px"
        raise EncodeFailedError(detail, limit=limit, actual=longest)


def _prepared(image: pyvips.Image, encoding: Encoding, ancillary: AncillaryData) -> tuple[pyvips.Image, int]:
    """Return the picture, with metadata and profile, as the format can hold it, and libvips's `keep` bits."""
    profile = ancillary.profile if ancillary.profile and fits(ancillary.profile, image) else None
    if profile and encoding.format in _WITHOUT_PROFILE:
        image, profile = to_srgb(with_profile(image, profile), profile), None
    if encoding.format == "jpeg" and has_alpha(image):
        image = image.flatten(background=_WHITE[: image.bands - 1])
    metadata = ancillary.metadata.under(
        encoding.option("metadata") or "strip",
        keep_copyright=bool(encoding.option("keep_copyright")),
        orientation=ancillary.orientation,
    )
    # libvips would write the orientation of the source into a TIFF even if it keeps no metadata.
    changes = metadata.size or profile or image.get_typeof("orientation")
    return with_metadata(image, metadata, profile) if changes else (image, 0)


def _written(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> Encoded:
    assert encoding.format != "auto"  # noqa: S101 - `_smallest` chooses the format
    data = WRITERS[encoding.format](image, encoding, quality, kept)
    return Encoded(data, encoding.format, None if encoding.lossless else quality)


def _searched(image: pyvips.Image, encoding: Encoding, kept: int) -> Encoded:
    tries: dict[int, Encoded] = {}

    def at(quality: int) -> Encoded:
        if quality not in tries:
            tries[quality] = _written(image, encoding, quality, kept)
        return tries[quality]

    best: int = encoding.option("quality")
    if (target := encoding.target_ssim) is not None:
        best = search.lowest(best, lambda quality: _similarity(at(quality).data, image) >= target)
    if (limit := encoding.max_bytes) is None:
        return at(best)
    found = search.highest(best, lambda quality: len(at(quality).data) <= limit)
    if found is None:
        smallest = min(len(each.data) for each in tries.values())
        detail = f"no quality from {best} down gives a {encoding.format} file of at most {limit:,} bytes"
        detail = f"{detail}, the smallest has {smallest:,}"
        raise EncodeFailedError(detail, limit=limit, actual=smallest)
    return at(found)


def _similarity(data: bytes, image: pyvips.Image) -> float:
    return ssim(decode(data, read_header(data, _OURS), None, streamed=False), image)


def _smallest(image: pyvips.Image, encoding: Encoding, ancillary: AncillaryData) -> Encoded:
    """Encode for `auto`: WebP for a picture with alpha, else JPEG; PNG where that is smaller."""
    is_transparent = has_alpha(image) and image.extract_band(image.bands - 1).min() < 255  # noqa: PLR2004 - opaque
    lossy, lossless = encoding.of("webp" if is_transparent else "jpeg"), encoding.of("png")
    across, down = min(image.width, _SAMPLE), min(image.height, _SAMPLE)
    piece = image.crop((image.width - across) // 2, (image.height - down) // 2, across, down)
    tries = (encode(piece, each.model_copy(update=_ONE_TRY)) for each in (lossless, lossy))
    # The PNG of a photograph takes 20 times as long as its JPEG, so a piece of the picture is tried first.
    png_size, lossy_size = (len(each.data) for each in tries)
    if png_size <= lossy_size:
        drawing = encode(image, lossless, ancillary)
        if encoding.max_bytes is None or len(drawing.data) <= encoding.max_bytes:
            return drawing
    return encode(image, lossy, ancillary)


_ONE_TRY = {"max_bytes": None, "target_ssim": None}
