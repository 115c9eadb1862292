"""JPEG XL files that our encoder does not write: other colours, other boxes, files made from a JPEG."""

from PIL import Image
from pillow_jxl import Encoder

from rayjobs.codec import Encoding, encode
from tests.support.pictures import file_of, vips

_P3 = "0" + "0" + "00" + "10" + "01" + "1001" + "0" + "01" + "1101" + "10"
"""ColourEncoding: not the default, no ICC, RGB, white D65, primaries P3, no gamma but sRGB's curve, relative.
Source: ISO/IEC 18181-1, annex E; an Enum is a U32(0, 1, 2 + u(4), 18 + u(6))."""


def in_display_p3(image: Image.Image) -> bytes:
    """Return a lossless file whose numbers are meant in Display P3; the picture has 64 x 48 px, RGB."""
    data = encode(vips(image), Encoding(format="jxl", lossless=True)).data
    # A byte's lowest bit comes first. Signature, SizeHeader and ImageMetadata up to the colours: 34 bits.
    bits = "".join(f"{byte:08b}"[::-1] for byte in data[:5])
    header = bits[:34] + _P3 + bits[35:38]
    header += "0" * (-len(header) % 8)
    return bytes(int(header[at : at + 8][::-1], 2) for at in range(0, len(header), 8)) + data[5:]


def of_jpeg(image: Image.Image, **options: object) -> bytes:
    """Return a file from which the original JPEG can be restored bit by bit."""
    encoder = Encoder(
        mode="RGB",
        lossless=True,
        quality=100,
        decoding_speed=0,
        effort=3,
        use_container=True,
        use_original_profile=True,
        num_threads=0,
    )
    return bytes(encoder(file_of(image, "JPEG", **options), *image.size, jpeg_encode=True))


def boxed(codestream: bytes, *boxes: tuple[bytes, bytes]) -> bytes:
    """Return a bare codestream in a container, after other boxes, each a type and its content."""
    start = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    return start + b"".join(
        (8 + len(content)).to_bytes(4, "big") + kind + content
        for kind, content in (*boxes, (b"jxlc", codestream))
    )
