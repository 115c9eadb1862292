"""Bitmaps and icons built byte by byte: no library here writes such headers and bit fields."""

import struct

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint8]


def bmp(
    header: int,
    bits: int,
    rows: Numbers,
    *,
    palette: Numbers | None = None,
    masks: tuple[int, ...] = (),
    **odd: int | None,
) -> bytes:
    """Return a file.

    Args:
        header: Bytes of the header: 12, 16 to 64, 108 or 124.
        bits: Of a pixel.
        rows: (H, bytes of a row), the upper one first; 4 is a divisor of their number.
        palette: (colours, 3), if the pixels are indexes.
        masks: Of red, green, blue and perhaps alpha.
        odd: `packing`, if it is not what the masks ask for; `width` in px, if it is less than a row holds;
            `upright`, if the upper row is the first in the file.
    """
    packing, upright = odd.get("packing"), odd.get("upright")
    height, across = len(rows), odd.get("width") or rows.shape[1] * 8 // bits
    colours = np.zeros((0, 3), np.uint8) if palette is None else palette
    fill = 3 if header == 12 else 4
    table = b"".join(bytes(each[::-1]).ljust(fill, b"\0") for each in colours)
    packed = (3 if masks else 0) if packing is None else packing
    if header == 12:
        head = struct.pack("<IHHHH", header, across, height, 1, bits)
    else:
        fields = struct.pack(
            "<iiHHIIiiII",
            across,
            -height if upright else height,
            1,
            bits,
            packed,
            rows.size,
            0,
            0,
            len(colours),
            0,
        )
        fields += b"".join(struct.pack("<I", mask) for mask in masks)
        inside = fields[: header - 4].ljust(header - 4, b"\0")
        head = struct.pack("<I", header) + inside + fields[max(36, header - 4) :]
    start = 14 + len(head) + len(table)
    body = (rows if upright else rows[::-1]).tobytes()
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + table + body


def packed_pixels(pixels: Numbers, masks: tuple[int, ...], bits: int) -> Numbers:
    """Return rows of pixels, (H, W, colours), each colour's highest bits under its mask."""
    numbers = np.zeros(pixels.shape[:2], np.uint32)
    for band, mask in enumerate(masks):
        low, most = (mask & -mask).bit_length() - 1, mask >> ((mask & -mask).bit_length() - 1)
        values = np.round(pixels[..., band].astype(float) / 255 * most).astype(np.uint32)
        numbers |= values << np.uint32(low)
    raw = numbers[..., None].view(np.uint8)[..., : bits // 8].reshape(len(pixels), -1)
    return padded(np.ascontiguousarray(raw))


def padded(rows: Numbers) -> Numbers:
    """Return the rows, padded to a multiple of 4 bytes."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))


def icon(*pictures: tuple[int, int, int, bytes]) -> bytes:
    """Return an icon of pictures, each its width, height, bits and bytes."""
    at, head, body = 6 + 16 * len(pictures), struct.pack("<HHH", 0, 1, len(pictures)), b""
    for width, height, bits, data in pictures:
        head += struct.pack("<BBBBHHII", width & 255, height & 255, 0, 0, 1, bits, len(data), at + len(body))
        body += data
    return head + body
