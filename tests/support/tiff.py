"""TIFF files of every sample format, built byte by byte: no library here writes them all."""

import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3

PACKERS: Mapping[int, Callable[[bytes], bytes]] = {
    1: bytes,
    8: zlib.compress,
    32946: zlib.compress,
    34925: lambda raw: lzma.compress(raw, lzma.FORMAT_XZ),
}
"""Compression: the function that compresses a strip or tile."""


@dataclass(frozen=True)
class Tiff:
    """How samples are stored. Source: TIFF 6.0, sections 3 to 8."""

    photometric: int = 1
    compression: int = 1
    planar: int = 1
    tile: int | None = None
    """Sides of a tile, in px; None for strips."""
    rows: int = 7
    """Rows of a strip."""
    bits: int | None = None
    """Bits of a sample, if fewer than those of its type."""
    predictor: int = 1
    extra: tuple[int, ...] = ()
    """The meaning of the samples after those of the colours."""
    order: Literal["<", ">"] = "<"
    tags: Mapping[int, tuple[int, tuple[float, ...] | bytes]] = field(default_factory=dict)
    """More entries: a tag's type and values."""


def tiff(samples: npt.NDArray[np.generic], kind: Tiff | None = None) -> bytes:
    """Return a file of these samples, (H, W, bands)."""
    kind = kind or Tiff()
    height, width, bands = samples.shape
    segments = [PACKERS[kind.compression](each) for each in _segments(samples, kind)]
    bits = kind.bits or samples.dtype.itemsize * 8
    number = {"u": _UNSIGNED, "b": _UNSIGNED, "i": _SIGNED, "f": _FLOAT, "c": 6}[samples.dtype.kind]
    entries: dict[int, tuple[int, tuple[float, ...] | bytes]] = {
        256: (_LONG, (width,)),
        257: (_LONG, (height,)),
        258: (_SHORT, (bits,) * bands),
        259: (_SHORT, (kind.compression,)),
        262: (_SHORT, (kind.photometric,)),
        277: (_SHORT, (bands,)),
        284: (_SHORT, (kind.planar,)),
        317: (_SHORT, (kind.predictor,)),
        339: (_SHORT, (number,) * bands),
    }
    if kind.extra:
        entries[338] = _SHORT, kind.extra
    where, sizes = (324, 325) if kind.tile else (273, 279)
    if kind.tile:
        entries |= {322: (_LONG, (kind.tile,)), 323: (_LONG, (kind.tile,))}
    else:
        entries[278] = _LONG, (kind.rows,)
    at = [8 + sum(map(len, segments[:number])) for number in range(len(segments))]
    entries |= {where: (_LONG, tuple(at)), sizes: (_LONG, tuple(map(len, segments)))}
    return _file(b"".join(segments), entries | dict(kind.tags), kind.order)


def _segments(samples: npt.NDArray[np.generic], kind: Tiff) -> list[bytes]:
    height, width, bands = samples.shape
    planes = [samples[..., band : band + 1] for band in range(bands)] if kind.planar == 2 else [samples]
    down, across = (kind.tile, kind.tile) if kind.tile else (kind.rows, width)
    cut = []
    for plane in planes:
        for top in range(0, height, down):
            for left in range(0, width, across):
                piece = plane[top : top + down, left : left + across]
                if kind.tile:
                    lacking = [(0, down - piece.shape[0]), (0, across - piece.shape[1]), (0, 0)]
                    piece = np.pad(piece, lacking)
                cut.append(_packed(piece, kind))
    return cut


def _packed(piece: npt.NDArray[np.generic], kind: Tiff) -> bytes:
    if kind.predictor == 2:
        piece = np.concatenate([piece[:, :1], np.diff(piece, axis=1)], axis=1).astype(piece.dtype)
    if kind.bits is None or kind.bits == piece.dtype.itemsize * 8:
        return piece.astype(piece.dtype.newbyteorder(kind.order)).tobytes()
    rows = piece.reshape(piece.shape[0], -1).astype(np.uint64)
    if kind.bits == 24 and kind.order == "<":
        rows = rows >> np.uint64(16) | rows & np.uint64(0xFF00) | (rows & np.uint64(0xFF)) << np.uint64(16)
    bits = (rows[..., None] >> np.arange(kind.bits, dtype=np.uint64)[::-1]) & np.uint64(1)
    return np.packbits(bits.reshape(rows.shape[0], -1).astype(np.uint8), axis=1).tobytes()


_CODES = {_SHORT: "H", _LONG: "I", 11: "f"}


def _file(body: bytes, entries: Mapping[int, tuple[int, tuple[float, ...] | bytes]], order: str) -> bytes:
    start = 8 + len(body) + len(body) % 2
    behind = start + 2 + 12 * len(entries) + 4
    directory, beyond = struct.pack(order + "H", len(entries)), b""
    for tag, (type_, values) in sorted(entries.items()):
        if isinstance(values, bytes):
            raw, count = values, len(values)
        elif type_ == _RATIONAL:
            raw, count = struct.pack(f"{order}{len(values)}I", *values), len(values) // 2
        else:
            raw, count = struct.pack(f"{order}{len(values)}{_CODES[type_]}", *values), len(values)
        if len(raw) > 4:
            where = struct.pack(order + "I", behind + len(beyond))
            beyond += raw + bytes(len(raw) % 2)
        else:
            where = raw.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, type_, count) + where
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "I", start)
    return head + body + bytes(len(body) % 2) + directory + bytes(4) + beyond
