"""The parsers that are pure Python, each as a target of atheris: it ends with a value or an error for people.

A process of its own runs one of them: `python -m tests.fuzz.targets NAME FOLDER SECONDS SEED`. It writes what
it begins with, and an input that it failed on, under the folder.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["rayjobs.codec", "api", "python_multipart", "rayjobs.service.queries"]
):
    from rayjobs.codec import boxes, colour, formats, heif, jxl, metadata, structure, truncation
    from rayjobs.service import queries
    from rayjobs_api.requests import multipart
    from rayjobs_api.streaming import events

import pyvips
from PIL import Image, ImageCms

from rayjobs.codec.limits import Limits
from rayjobs.errors import InvalidRequestError, ItemError
from tests.support import corpus

LONGEST_S = 5
"""For one input; all but a busy machine take milliseconds."""
LARGEST_BYTES = 4096
"""Of an input: what is wrong with a structure shows in a small one."""
MOST_MIB = 2048
"""Memory of the process."""

_LIMITS = Limits()
_DOT = pyvips.Image.black(1, 1)
_BODY = b"--b\r\nContent-Disposition: form-data; name=f; filename=a.jpg\r\n\r\nxyz\r\n--b--\r\n"


@dataclass(frozen=True)
class Target:
    """What is fed, what it may answer with besides a value, and what the search begins with."""

    feed: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], Iterable[bytes]]


def structures(data: bytes) -> None:
    """Walk over a file of any format as far as it goes, and ask what is said of one that can't be decoded."""
    found = formats.recognise(data)
    truncation.unreadable(data, found.name, "the decoder's words")
    structure.check_structure(data, found, _LIMITS)


def iso_boxes(data: bytes) -> None:
    """Take a container apart in each way in which one is: boxes, items of HEIF, the codestream of JPEG XL."""
    before = 0
    for _, start, content, end in boxes.boxes(data):
        assert before <= start < content <= end, "boxes follow each other"
        before = end
    with suppress(ValueError):  # its caller's sign for an item whose name is no text
        heif._check_items(data)
    structures(data)
    jxl.opened(data)


def tiff_directories(data: bytes) -> None:
    """Read a TIFF's directories, as structure and as what it says of its picture."""
    metadata.with_exif_of_tiff(_DOT, data)
    structures(data)


def exif(data: bytes) -> None:
    """Write again what may stay of an EXIF, by each policy."""
    told = metadata.Metadata(exif=data, xmp=data)
    for policy in ("strip", "keep", "strip_gps"):
        kept = told.under(policy, keep_copyright=True, orientation=1)
        assert kept.size <= 2 * told.size + 2**16, "little is added"


def multipart_body(data: bytes) -> None:
    """Read a body whose first line is its content type, in pieces of a size that its second byte says."""
    kind, _, body = data[:200].partition(b"\n")
    body += data[200:]
    size = 1 + (data[1] if len(data) > 1 else 0)
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    for part in multipart.parts(kind.decode("latin-1"), pieces):
        part.name.encode("utf-8")
        deep = sum(map(len, part.chunks))
        assert deep <= len(body), "no byte comes from nowhere"


def cursors(data: bytes) -> None:
    """Read a cursor of a page of items, and the id of an event."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(InvalidRequestError):
        last = events.checked_id(text)
        assert last is None or all(int(each) < 2**64 for each in last.encode("ascii").split(b"-"))
    index = queries._index_of(text)
    assert 0 <= index < 10**18, "an index"


def _files(*words: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for name, data in corpus.good().items():
            if any(word in name for word in words) and len(data) <= 4 * LARGEST_BYTES:
                yield data

    return seeds


def _exif_seeds() -> Iterator[bytes]:
    made = Image.Exif()
    made[0x0112], made[0x8298], made[0x013B] = 6, "somebody", "me"
    made.get_ifd(0x8825)[1] = "N"
    made.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
    yield made.tobytes()
    yield b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def _profiles() -> Iterator[bytes]:
    for name in ("sRGB", "LAB", "XYZ"):
        yield ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def _bodies() -> Iterator[bytes]:
    yield b"multipart/form-data; boundary=b\n" + _BODY
    yield b'multipart/form-data; boundary="b"\n' + _BODY.replace(b"a.jpg", b'"a;\\"b.jpg"')


def _cursors() -> Iterator[bytes]:
    yield from (queries._cursor_of(index).encode() for index in (0, 7, 10**9))
    yield from (b"1690000000000-0", b"aS01", b"")


TARGETS = {
    "iso-boxes": Target(iso_boxes, (ItemError,), _files("heic", "avif", "jxl", "jpeg2000")),
    "tiff-directories": Target(tiff_directories, (ItemError,), _files("tiff")),
    "png-chunks": Target(structures, (ItemError,), _files("png")),
    "other-structures": Target(structures, (ItemError,), _files("gif", "webp", "jpeg", "bmp", "ppm")),
    "icc": Target(colour.needs_transform, (), _profiles),
    "exif": Target(exif, (), _exif_seeds),
    "multipart": Target(multipart_body, (InvalidRequestError,), _bodies),
    "cursors": Target(cursors, (InvalidRequestError,), _cursors),
}


def main(name: str, folder: str, seconds: str, seed: str) -> None:
    """Search for an input that a target fails on; with one, the process ends with a status other than 0."""
    target, known = TARGETS[name], Path(folder) / "seeds"
    known.mkdir(parents=True)
    for number, data in enumerate(target.seeds()):
        (known / str(number)).write_bytes(data)
    assert any(known.iterdir()), "a search begins with good inputs"

    def feed(data: bytes) -> None:
        with suppress(*target.errors):
            target.feed(data)

    limits = (f"-max_total_time={seconds}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MIB}")
    options = (
        f"-seed={seed}",
        f"-max_len={LARGEST_BYTES}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    )
    atheris.Setup([name, *limits, *options, str(known)], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
