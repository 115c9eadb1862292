"""How a TIFF stores its samples, and the allow-list of the reader that decodes them correctly.

libtiff opens nearly every TIFF, but libvips gives the right pixels only for the sample formats listed here.
Other formats are read by `sample_formats`, or refused with the reason. None is guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from rayjobs.codec.tiff_directory import Directories
from rayjobs.errors import UnsupportedFormatError

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
NONE, OLD_JPEG, JPEG, LZMA = 1, 6, 7, 34925
SEPARATE_PLANES = 2
ASSOCIATED, UNASSOCIATED = 1, 2
HORIZONTAL, FLOATING = 2, 3
"""Values of entries. Source: TIFF 6.0, sections 3 to 23; Adobe's Photoshop TIFF technical notes."""

_NUMBERS = {
    UNSIGNED: "unsigned",
    SIGNED: "signed",
    FLOAT: "floating point",
    4: "untyped",
    5: "complex signed",
    6: "complex",
}

_COLOURS = {
    WHITE_IS_ZERO: (1, "gray"),
    BLACK_IS_ZERO: (1, "gray"),
    RGB: (3, "RGB"),
    PALETTE: (1, "palette"),
    SEPARATED: (4, "CMYK"),
    YCBCR: (3, "YCbCr"),
    CIELAB: (3, "L*a*b*"),
    ICCLAB: (3, "ICC L*a*b*"),
}
"""Photometric interpretation: samples of a colour, and its name."""

_BY_LIBVIPS: dict[int, set[int]] = {
    WHITE_IS_ZERO: {1, 2, 4, 8, 16},
    BLACK_IS_ZERO: {1, 2, 4, 8, 16},
    RGB: {8, 16},
    PALETTE: {1, 2, 4, 8, 16},
    SEPARATED: {8, 16},
}
"""Photometric interpretation: bits of unsigned samples that libvips decodes correctly."""

_BY_SAMPLE_FORMATS: dict[tuple[int, int], tuple[int, ...]] = {
    (WHITE_IS_ZERO, UNSIGNED): (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32),
    (BLACK_IS_ZERO, UNSIGNED): (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32),
    (RGB, UNSIGNED): (2, 4, 6, 8, 10, 12, 14, 16, 24, 32),
    (BLACK_IS_ZERO, SIGNED): (32,),
    (BLACK_IS_ZERO, FLOAT): (16, 32, 64),
    (RGB, FLOAT): (16, 32, 64),
    (PALETTE, UNSIGNED): (1, 2, 4, 8),
    (SEPARATED, UNSIGNED): (8, 16),
    (YCBCR, UNSIGNED): (8,),
    (CIELAB, UNSIGNED): (8, 16),
    (ICCLAB, UNSIGNED): (8, 16),
}
"""Photometric interpretation and kind of number: bits of samples that `sample_formats` reads."""

_REMEDY = "save it as RGB or gray of 8 or 16 bits"


@dataclass(frozen=True)
class Layout:
    """The entries of one page that describe the storage of its pixels; a missing one has TIFF's default."""

    directories: Directories
    entries: dict[int, tuple[int, int, int]]
    """Tag: type, number of values, offset of the values."""

    def values(self, tag: int, *default: float) -> tuple[float, ...]:
        """Return an entry's numbers, or the default if there is no such entry."""
        found = self.entries.get(tag)
        return (found and self.directories.values(*found)) or default

    def number(self, tag: int, default: int) -> int:
        """Return an entry's first number as an integer."""
        return int(self.values(tag, default)[0])

    def raw(self, tag: int) -> bytes:
        """Return an entry's bytes as stored; empty if there is no such entry."""
        _, count, at = self.entries.get(tag, (0, 0, 0))
        return self.directories.data[at : at + count]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in px."""
        return self.number(256, 0), self.number(257, 0)

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return self.number(258, 1)

    @property
    def compression(self) -> int:
        """The compression of the strips or tiles."""
        return self.number(259, NONE)

    @property
    def photometric(self) -> int:
        """The meaning of the samples; without an entry gray or RGB, by the number of samples."""
        return self.number(262, RGB if self.samples >= 3 else BLACK_IS_ZERO)  # noqa: PLR2004 - R, G, B

    @property
    def samples(self) -> int:
        """Number of samples of a pixel."""
        return self.number(277, 1)

    @property
    def is_separate(self) -> bool:
        """Whether each band is stored as a plane of its own."""
        return self.samples > 1 and self.number(284, 1) == SEPARATE_PLANES

    @property
    def predictor(self) -> int:
        """The predictor, whose differences are stored; only some compressions have one."""
        return self.number(317, 1)

    @property
    def is_tiled(self) -> bool:
        """Whether the pixels are stored in tiles, not in strips."""
        return 322 in self.entries  # noqa: PLR2004 - TileWidth

    @property
    def extra(self) -> tuple[int, ...]:
        """The meaning of each sample after those of the colour."""
        return tuple(int(each) for each in self.values(338))

    @property
    def kind(self) -> int:
        """The kind of the numbers: unsigned, signed or floating point."""
        return self.number(339, UNSIGNED)

    @property
    def subsampling(self) -> tuple[int, int]:
        """Pixels across and down that share one chroma sample; for YCbCr only."""
        across, down = (*(int(each) for each in self.values(530, 2, 2)), 2, 2)[:2]
        return across, down

    @property
    def colours(self) -> int:
        """Number of samples of the colour, without extra samples."""
        return _COLOURS[self.photometric][0]

    @property
    def is_gray(self) -> bool:
        """Whether the picture is gray."""
        return self.photometric in {WHITE_IS_ZERO, BLACK_IS_ZERO}

    @override
    def __str__(self) -> str:
        bits, kind = self.bits, _NUMBERS.get(self.kind, f"kind {self.kind}")
        _, colour = _COLOURS.get(self.photometric, (0, f"colours of kind {self.photometric}"))
        return (
            f"{colour}, {self.samples} samples a pixel of {bits} bits, {kind}, compression {self.compression}"
        )


def layout_of(data: bytes, page: int = 0) -> Layout | None:
    """Return the layout of a page; None if it does not exist or is cut: the decoder raises that error."""
    directories = Directories(data)
    for number, each in enumerate(directories.pages()):
        if number == page and directories.is_whole(each):
            return Layout(
                directories, {tag: (type_, count, at) for tag, type_, count, at in directories.entries(each)}
            )
    return None


Reader = Literal["libvips", "sample_formats"]


def reader_of(layout: Layout) -> Reader:
    """Return the reader that decodes the layout correctly.

    Raises:
        UnsupportedFormatError: No reader does.
    """
    for is_wrong, reason in _REFUSED:
        if is_wrong(layout):
            raise _unsupported(layout, reason)
    if _is_libvips(layout):
        return "libvips"
    if layout.bits not in _BY_SAMPLE_FORMATS.get((layout.photometric, layout.kind), ()):
        raise _unsupported(layout, "samples of this kind are not read")
    for is_wrong, reason in _REFUSED_BY_SAMPLE_FORMATS:
        if is_wrong(layout):
            raise _unsupported(layout, reason)
    return "sample_formats"


def _is_libvips(layout: Layout) -> bool:
    if layout.compression in {OLD_JPEG, JPEG}:
        return layout.bits == 8  # noqa: PLR2004 - libtiff converts YCbCr to RGB
    if layout.compression == LZMA or (layout.is_tiled and layout.is_separate):
        return False
    return layout.kind in {UNSIGNED, 4} and layout.bits in _BY_LIBVIPS.get(layout.photometric, ())


_REFUSED: tuple[tuple[Callable[[Layout], bool], str], ...] = (
    (lambda layout: layout.photometric not in _COLOURS, "colours of this kind are not read"),
    (lambda layout: len(set(layout.values(258, 1))) > 1, "its samples have different numbers of bits"),
    (lambda layout: len(set(layout.values(339, 1))) > 1, "its samples are of different kinds"),
    (lambda layout: layout.samples < layout.colours, "a pixel has too few samples for its colours"),
    (
        lambda layout: layout.samples > layout.colours + len(layout.extra),
        "a pixel has more samples than its colours, and no entry says what they mean",
    ),
    (lambda layout: layout.photometric == SEPARATED and layout.number(332, 1) != 1, "its inks are not CMYK"),
)

_MOST_SAMPLES = 16
"""Samples of a pixel that `sample_formats` unpacks, though it keeps four at most."""

_REFUSED_BY_SAMPLE_FORMATS: tuple[tuple[Callable[[Layout], bool], str], ...] = (
    (lambda layout: layout.samples > _MOST_SAMPLES, f"a pixel has more than {_MOST_SAMPLES} samples"),
    (
        lambda layout: layout.photometric == YCBCR and layout.subsampling != (1, 1),
        "its colours are subsampled, and it is no JPEG",
    ),
    (lambda layout: layout.number(266, 1) != 1, "the bits of its bytes are in reverse order"),
    (lambda layout: layout.predictor not in {1, HORIZONTAL, FLOATING}, "its predictor is unknown"),
    (
        lambda layout: layout.predictor == HORIZONTAL and layout.bits not in {8, 16, 32},
        "a predictor of such samples is not supported",
    ),
)


def _unsupported(layout: Layout, reason: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"the tiff file can't be read, {reason} ({layout}): {_REMEDY}")
