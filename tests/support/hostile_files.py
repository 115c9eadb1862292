"""Small files that declare far more pixels, frames or metadata than they contain."""

import struct
import zlib

from PIL import Image

from tests.support.pictures import file_of, picture

HUGE = 65_000


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG that declares a size and contains almost no pixels; other chunks precede the pixels."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    rows = png_chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + rows + png_chunk(b"IEND", b"")


def bombs() -> dict[str, tuple[bytes, str]]:
    """Return name: file, and the code of the error that refuses it."""
    zeros = zlib.compress(bytes(200 * 2**20), 9)
    text = png_chunk(b"zTXt", b"k\0\0" + zeros)
    international = png_chunk(b"iTXt", b"k\0\1\0\0\0" + zeros)
    profile = png_chunk(b"iCCP", b"p\0\0" + zeros)
    jpeg = file_of(picture(64, 48), "JPEG")
    return {
        "png-65000": (png(HUGE, HUGE), "too_many_pixels"),
        "png-line": (png(200_000, 10), "too_many_pixels"),
        "png-text": (png(9, 9, text), "source_too_large"),
        "png-itext": (png(9, 9, international), "source_too_large"),
        "png-profile": (png(9, 9, profile), "source_too_large"),
        "png-many-texts": (
            png(9, 9, *[png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20)))] * 40),
            "source_too_large",
        ),
        "jpeg-65000": (_jpeg_of(jpeg, HUGE, HUGE), "too_many_pixels"),
        "jpeg-texts": (
            jpeg[:2] + (b"\xff\xe1\xff\xff" + bytes(65533)) * 300 + jpeg[2:],
            "source_too_large",
        ),
        "jpeg-profile": (_jpeg_with_profile(jpeg, 100), "source_too_large"),
        "jpeg-scans": (_jpeg_of_scans(5000), "decode_failed"),
        "gif-65000": (_gif(HUGE, 1), "too_many_pixels"),
        "webp-canvas": (_webp_of_canvas(), "decode_failed"),
        "tiff-65000": (_tiff(HUGE, HUGE), "too_many_pixels"),
        "tiff-profile": (_tiff(9, 9, (34675, 7, 2**31, 8)), "source_too_large"),
        "bmp-65000": (_bmp(HUGE, HUGE), "too_many_pixels"),
        "ppm-65000": (b"P6 %d %d 255\n" % (HUGE, HUGE) + bytes(99), "too_many_pixels"),
        "jxl-huge": (_jxl(2**29), "too_many_pixels"),
        "jp2-65000": (_jp2(HUGE), "too_many_pixels"),
        "avif-65000": (_isobmff(file_of(picture(64, 48), "AVIF")), "too_many_pixels"),
    }


def many_frames() -> dict[str, bytes]:
    """Return files of thousands of frames, by their formats' names."""
    return {
        "gif": _gif(16, 10_000),
        "webp": _webp_of_frames(5000),
        "tiff": _tiff_of_pages(5000),
    }


def _jpeg_of(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _jpeg_with_profile(data: bytes, parts: int) -> bytes:
    segments = b"".join(
        b"\xff\xe2\xff\xff" + b"ICC_PROFILE\0" + bytes([part + 1, parts]) + bytes(65519)
        for part in range(parts)
    )
    return data[:2] + segments + data[2:]


def _jpeg_of_scans(scans: int) -> bytes:
    data = file_of(picture(64, 48), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * scans + b"\xff\xd9"


def _gif(side: int, frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\2\2\x4c\x01\0"
    return head + frame * frames + b";"


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_of_frames(frames: int) -> bytes:
    still = file_of(Image.new("RGB", (8, 8)), "WEBP")[12:]
    frame = _webp_chunk(b"ANMF", bytes(6) + b"\7\0\0\7\0\0\x40\0\0\0" + still)
    head = _webp_chunk(b"VP8X", b"\2\0\0\0\7\0\0\7\0\0"), _webp_chunk(b"ANIM", bytes(6))
    return _webp(*head, *[frame] * frames)


def _webp_of_canvas() -> bytes:
    still = file_of(Image.new("RGB", (8, 8)), "WEBP")[12:]
    frame = _webp_chunk(b"ANMF", bytes(6) + b"\7\0\0\7\0\0\x40\0\0\0" + still)
    side = (HUGE - 1).to_bytes(3, "little")
    head = _webp_chunk(b"VP8X", b"\2\0\0\0" + side * 2), _webp_chunk(b"ANIM", bytes(6))
    return _webp(*head, frame)


def _tiff(width: int, height: int, *more: tuple[int, int, int, int], following: int = 0) -> bytes:
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height % 2**32), *more,
    ]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", following)


def _tiff_of_pages(pages: int) -> bytes:
    page = _tiff(1, 1)[8:-4]
    step = len(page) + 4
    return b"II*\0\x08\0\0\0" + b"".join(
        page + struct.pack("<I", 8 + (index + 1) * step if index + 1 < pages else 0) for index in range(pages)
    )


def _bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 99, 0, 0, 54) + head + bytes(99)


def _jxl(side: int) -> bytes:
    # SizeHeader: not small, 30 bits of height, ratio 1:1.
    bits = (side - 1) << 3 | 3 << 1 | 1 << 33
    return b"\xff\x0a" + bits.to_bytes(8, "little") + bytes(99)


def _jp2(side: int) -> bytes:
    data = file_of(picture(64, 48), "JPEG2000", no_jp2=True)
    at = data.index(b"\xff\x51") + 6
    return data[:at] + struct.pack(">II", side, side) + data[at + 8 :]


def _isobmff(data: bytes) -> bytes:
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", HUGE, HUGE) + data[at + 8 :]
