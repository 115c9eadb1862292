"""The encoders: one function for each format, from pixels that the format holds to bytes."""

import math
from collections.abc import Callable

import pyvips

from rayjobs.codec import jpeg, jxl, webp
from rayjobs.codec.formats import OutputFormat
from rayjobs.codec.metadata import Metadata, metadata_of
from rayjobs.codec.options import Encoding
from rayjobs.filters.pixels import HELD_PIXELS, PASSED_PIXELS

Writer = Callable[[pyvips.Image, Encoding, int | None, int], bytes]
"""Pixels, options, quality if the format has one, and libvips's `keep`: bits of the metadata to write."""


def _jpeg(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    chroma, optimise = encoding.option("chroma"), encoding.option("optimise")
    progressive = encoding.option("progressive")
    is_plain = not (progressive or kept) and optimise == "none"
    if is_plain and image.width * image.height <= HELD_PIXELS:
        return jpeg.encode(image, quality or 0, chroma)
    is_trellis = optimise == "trellis"
    return _saved(
        image,
        "jpeg",
        kept,
        Q=quality,
        subsample_mode="on" if chroma == "420" else "off",
        interlace=progressive,
        # Progressive files always have optimal tables for each scan.
        optimize_coding=optimise != "none",
        trellis_quant=is_trellis,
        overshoot_deringing=is_trellis,
        optimize_scans=is_trellis and progressive,
    )


def _png(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    del quality
    options: dict[str, object] = {}
    if colours := encoding.option("palette"):
        options = {"palette": True, "bitdepth": _bits(colours), "dither": encoding.option("dither")}
    interlace, compression = encoding.option("progressive"), encoding.option("compression")
    return _saved(image, "png", kept, compression=compression, interlace=interlace, **options)


def _webp(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    is_plain = not (encoding.lossless or kept or image.get_typeof("page-height"))
    if is_plain and image.width * image.height <= PASSED_PIXELS:
        return webp.encode(image, quality or 0, encoding.option("effort"))
    # For a lossless file, libwebp takes Q as a second effort; `effort` is enough.
    options = {"lossless": True, "Q": 75} if encoding.lossless else {"Q": quality}
    return _saved(image, "webp", kept, effort=encoding.option("effort"), **options)


def _avif(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    whole = encoding.lossless or encoding.option("chroma") == "444"
    return _saved(
        image,
        "heif",
        kept,
        compression="av1",
        Q=quality,
        lossless=bool(encoding.lossless),
        effort=encoding.option("effort"),
        subsample_mode="off" if whole else "on",
    )


def _jxl(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    lossless, effort = bool(encoding.lossless), encoding.option("effort")
    metadata = metadata_of(image) if kept else Metadata()
    return jxl.encode(image, metadata, quality=quality or 0, lossless=lossless, effort=effort)


def _tiff(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    del quality
    packing = encoding.option("packing")
    predictor = "none" if packing == "none" else "horizontal"
    return _saved(image, "tiff", kept, compression=packing, predictor=predictor)


def _gif(image: pyvips.Image, encoding: Encoding, quality: int | None, kept: int) -> bytes:
    del quality, kept
    bits, interlace = _bits(encoding.option("palette")), encoding.option("progressive")
    effort, dither = encoding.option("effort"), encoding.option("dither")
    return _saved(image, "gif", 0, bitdepth=bits, dither=dither, effort=effort, interlace=interlace)


def _bits(colours: int) -> int:
    return int(math.log2(colours))


def _saved(image: pyvips.Image, name: str, kept: int, **options: object) -> bytes:
    encoded: bytes = getattr(image, f"{name}save_buffer")(keep=kept, **options)
    return encoded


WRITERS: dict[OutputFormat, Writer] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "jxl": _jxl,
    "tiff": _tiff,
    "gif": _gif,
}
