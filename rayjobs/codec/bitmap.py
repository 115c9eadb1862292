"""Windows and OS/2 bitmaps that Pillow refuses, with any header or bit fields, and bitmaps in icons.

Source: Microsoft, "Bitmap Header Types", BITMAPV5HEADER; IBM, "OS/2 bitmap file format", BITMAPINFOHEADER2.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image as PillowImage

from rayjobs.codec import pillow
from rayjobs.codec.truncation import unreadable
from rayjobs.errors import DecodeFailedError, TruncatedError, UnsupportedFormatError
from rayjobs.filters.pixels import from_array

_FILE_HEAD = 14
_CORE = 12
"""Bytes of OS/2's first header: its width and height have 16 bits, its colours 3 bytes."""
_INFO, _LONGEST = 40, 124
_WINDOWS = {_INFO, 52, 56, 108, _LONGEST}
"""Bytes of Windows' headers, V1 to V5. Other sizes are OS/2's second, which may end after any field."""

_RAW, _ALPHA_BITFIELDS = 0, 6
_FIELDS = {3, _ALPHA_BITFIELDS}
_NAMES = {1: "RLE8", 2: "RLE4", 3: "Huffman 1D", 4: "JPEG or RLE24", 5: "PNG"}

_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
"""Bits of a pixel: the masks of red, green, blue and alpha if the header has none."""

_ROWS = 256
"""Rows that are unpacked at a time: the unpacked numbers need 12 times the memory of a band."""

_INDEXED = {1, 2, 4, 8}

Numbers = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Bitmap:
    """A bitmap's header."""

    data: bytes
    width: int
    height: int
    bits: int
    """Bits of a pixel."""
    masks: tuple[int, int, int, int]
    palette: Numbers
    """(colours, 3); empty if the pixels are no indexes."""
    start: int
    """Offset of the rows, in bytes."""
    is_upright: bool
    """Whether the first row is the top one."""
    info: dict[str, bytes] = field(default_factory=dict)
    """The ancillary data, as Pillow names it: always empty."""
    mode: str = "RGB"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in px."""
        return self.width, self.height


def opened(data: bytes, name: str) -> PillowImage.Image | Bitmap:
    """Read the header by Pillow if it can; bit fields are read here: Pillow drops the alpha of 16 bits.

    Raises:
        TruncatedError: The file ends within its header.
        UnsupportedFormatError: The compression of the pixels is not supported.
        DecodeFailedError: The header is invalid.
    """
    if int.from_bytes(data[30:34], "little") in _FIELDS and int.from_bytes(data[14:18], "little") in _WINDOWS:
        try:
            return header_of(data, _FILE_HEAD, int.from_bytes(data[10:14], "little"))
        except ValueError as error:
            raise unreadable(data, name, str(error)) from error
    try:
        return pillow.opened(data, name)
    except (DecodeFailedError, TruncatedError) as error:
        try:
            return header_of(data, _FILE_HEAD, int.from_bytes(data[10:14], "little"))
        except ValueError:
            raise error from error.__cause__


def header_of(data: bytes, at: int, start: int | None, *, halves: bool = False) -> Bitmap:
    """Return a bitmap's header.

    Args:
        data: A file.
        at: Offset of the header.
        start: Offset of the rows; None if they follow the palette.
        halves: Whether the height includes a mask below the picture, as in an icon.

    Raises:
        ValueError: The header is invalid.
        UnsupportedFormatError: The compression of the pixels is not supported.
    """

    def number(offset: int, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(data[at + offset : at + offset + size], "little", signed=signed)

    size = number(0, 4)
    if not _CORE <= size <= _LONGEST or at + size > len(data):
        raise ValueError(f"a header of {size} bytes")
    is_core = size == _CORE
    width, height = (number(4, 2), number(6, 2)) if is_core else (number(4, 4), number(8, 4, signed=True))
    bits = number(10, 2) if is_core else number(14, 2)
    if not width or not height or bits not in _INDEXED | set(_MASKS):
        raise ValueError(f"a bitmap of {width} x {height} px and {bits} bits a pixel")
    # OS/2's header may end after any field; a missing field is 0.
    packing = number(16, 4) if size >= 20 else _RAW  # noqa: PLR2004 - the field's end
    colours = number(32, 4) if size >= 36 else 0  # noqa: PLR2004 - the field's end
    has_fields = packing in _FIELDS and size in _WINDOWS
    if packing != _RAW and not has_fields:
        packed = _NAMES.get(packing, f"compression {packing}")
        detail = f"the bmp file is packed as {packed} under a header of {size} bytes, which is not read"
        raise UnsupportedFormatError(f"{detail}: save it uncompressed, or as PNG")
    masks = _MASKS.get(bits, (0, 0, 0, 0))
    header_size = size
    if has_fields:
        header_size += _masks_size(size, packing)
        fourth = number(_INFO + 12, 4) if header_size > _INFO + 12 else 0
        stated = number(_INFO, 4), number(_INFO + 4, 4), number(_INFO + 8, 4), fourth
        masks = stated if any(stated) else masks
    palette, after = _palette(data, at + header_size, start, bits, colours, 3 if is_core else 4)
    rows = abs(height) // 2 if halves else abs(height)
    return Bitmap(data, width, rows, bits, masks, palette, after if start is None else start, height < 0)


def _palette(
    data: bytes, first: int, start: int | None, bits: int, colours: int, width: int
) -> tuple[Numbers, int]:
    """Return a bitmap's colours, (colours, 3), and the offset of their end.

    Args:
        data: A file.
        first: Offset of the palette.
        start: Offset of the rows; None if they follow the palette.
        bits: Bits of a pixel.
        colours: Number of colours in the header; 0 means as many as the bits allow.
        width: Bytes of a colour.
    """
    if bits not in _INDEXED:
        return np.zeros((0, 3), np.uint8), first + colours * width
    count = min(colours or 2**bits, 2**bits)
    if start is not None:
        # Some writers omit the colours that they do not use.
        count = max(0, min(count, (start - first) // width))
    raw = np.frombuffer(data[first : first + count * width], np.uint8)
    return raw[: len(raw) // width * width].reshape(-1, width)[:, 2::-1], first + count * width


def _masks_size(size: int, packing: int) -> int:
    if size > _INFO:
        return 0
    return 16 if packing == _ALPHA_BITFIELDS else 12


def pixels(picture: PillowImage.Image | Bitmap, data: bytes, name: str, *, lenient: bool) -> pyvips.Image:
    """Decode into uint8: gray, RGB or RGBA.

    Args:
        picture: From `opened`.
        data: The file.
        name: Name of the file's format.
        lenient: Whether to decode the rows that a cut file has.

    Raises:
        TruncatedError: The file ends before its picture does.
        DecodeFailedError: The file is damaged.
    """
    if isinstance(picture, PillowImage.Image):
        return pillow.pixels(picture, data, name, lenient=lenient)
    try:
        return from_array(array_of(picture, lenient=lenient))
    except ValueError as error:
        raise unreadable(data, name, str(error)) from error


def stride(bitmap: Bitmap, bits: int) -> int:
    """Return the bytes of a row, a multiple of 4."""
    return (bitmap.width * bits + 31) // 32 * 4


def array_of(bitmap: Bitmap, *, lenient: bool = False) -> Numbers:
    """Return the pixels, (H, W, 3 or 4).

    Raises:
        TruncatedError: The file has fewer rows than the header declares.
    """
    wanted = stride(bitmap, bitmap.bits) * bitmap.height
    raw = bitmap.data[bitmap.start : bitmap.start + wanted]
    if len(raw) < wanted:
        if not lenient:
            raise TruncatedError(
                f"the bmp file ends before its picture does, after {len(bitmap.data):,} bytes",
                limit=wanted,
                actual=len(raw),
            )
        raw = raw.ljust(wanted, b"\0")
    rows = np.frombuffer(raw, np.uint8).reshape(bitmap.height, -1)
    rows = rows if bitmap.is_upright else rows[::-1]
    return _by_palette(bitmap, rows) if bitmap.bits in _INDEXED else _by_masks(bitmap, rows)


def indexes(rows: Numbers, bits: int, width: int) -> Numbers:
    """Unpack numbers of 1 to 8 bits, highest bit first, into (H, W)."""
    if bits == 8:  # noqa: PLR2004 - a byte
        return rows[:, :width]
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    numbers: Numbers = (rows[..., None] >> shifts) & np.uint8(2**bits - 1)
    return numbers.reshape(len(rows), -1)[:, :width]


def _by_palette(bitmap: Bitmap, rows: Numbers) -> Numbers:
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(bitmap.palette)] = bitmap.palette
    return palette[indexes(rows, bitmap.bits, bitmap.width)]


def _by_masks(bitmap: Bitmap, rows: Numbers) -> Numbers:
    bands = 4 if bitmap.masks[3] else 3
    made = np.empty((bitmap.height, bitmap.width, bands), np.uint8)
    size = bitmap.bits // 8
    for top in range(0, bitmap.height, _ROWS):
        some = np.ascontiguousarray(rows[top : top + _ROWS, : bitmap.width * size])
        whole = np.zeros((len(some), bitmap.width, 4), np.uint8)
        whole[..., :size] = some.reshape(len(some), bitmap.width, size)
        numbers = whole.view("<u4")[..., 0]
        for band, mask in enumerate(bitmap.masks[:bands]):
            made[top : top + _ROWS, :, band] = _field(numbers, mask)
    # An alpha of 0 everywhere means no alpha: nobody saves an invisible picture.
    is_visible = bands == 3 or bool(made[..., 3].any())  # noqa: PLR2004 - R, G, B
    return made if is_visible else made[..., :3]


def _field(numbers: npt.NDArray[np.uint32], mask: int) -> Numbers:
    """Return the bits under a mask, scaled to 0 to 255."""
    if not mask:
        return np.zeros(numbers.shape, np.uint8)
    low = (mask & -mask).bit_length() - 1
    most = mask >> low
    values = (numbers & np.uint32(mask)) >> np.uint32(low)
    return np.asarray((values * (255.0 / most) + 0.5).astype(np.uint8))
