"""Entries that a folder may hold and a listing may stumble over, each as a file system makes it."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Nasty:
    """One kind of entry, and what is right to say of it."""

    make: Callable[[Path], object]
    """Puts it into a folder."""
    failed: tuple[str, ...] = ()
    """Codes of the items that it is."""
    told: tuple[str, ...] = ()
    """Codes of the warnings."""
    left_out: int = 0
    good: int = 0
    """Pictures that it brings along and that succeed."""


def picture(path: Path) -> None:
    """Write a small picture, whatever the suffix says."""
    Image.new("RGB", (24, 16), (200, 90, 60)).save(path, format="JPEG")


def _link(name: str, target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(target)


def _named(*names: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            picture(folder / name)

    return make


def _not_utf8_file(folder: Path) -> None:
    picture(Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg")))


def _not_utf8_folder(folder: Path) -> None:
    inner = Path(os.fsdecode(os.fsencode(folder) + b"/d\xe9j\xe0"))
    inner.mkdir()
    picture(inner / "a.jpg")


def _socket(folder: Path) -> None:
    os.mknod(folder / "socket.jpg", stat.S_IFSOCK | 0o600)


def _deeper_than_a_path(folder: Path) -> None:
    """Make a folder below which no path can be named any more."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(18):
        name = "deep" * 60
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def _circle(folder: Path) -> None:
    (folder / "one.jpg").symlink_to("two.jpg")
    (folder / "two.jpg").symlink_to("one.jpg")


def _link_to_folder(folder: Path) -> None:
    (folder / "album").symlink_to(folder, target_is_directory=True)


NASTY: dict[str, Nasty] = {
    "link to itself": Nasty(_link("l.jpg", "l.jpg"), failed=("source_not_found",)),
    "links in a circle": Nasty(_circle, failed=("source_not_found", "source_not_found")),
    "link to a long name": Nasty(_link("long.jpg", "n" * 300), failed=("source_not_found",)),
    "link to nothing": Nasty(_link("none.jpg", "nothing"), failed=("source_not_found",)),
    "link out of the roots": Nasty(_link("out.jpg", "/etc/hostname"), failed=("source_forbidden",)),
    "link to a device": Nasty(_link("zero.jpg", "/dev/zero"), failed=("source_forbidden",)),
    "link to a folder": Nasty(_link_to_folder, told=("link_not_followed",)),
    "name that is no UTF-8": Nasty(_not_utf8_file, told=("name_not_utf8",)),
    "folder whose name is no UTF-8": Nasty(_not_utf8_folder, told=("name_not_utf8",)),
    "folder deeper than a path": Nasty(_deeper_than_a_path, told=("source_forbidden",)),
    "pipe": Nasty(lambda folder: os.mkfifo(folder / "pipe.jpg"), failed=("source_forbidden",)),
    "socket": Nasty(_socket, failed=("source_forbidden",)),
    "folder with a picture's name": Nasty(lambda folder: (folder / "folder.jpg").mkdir()),
    "empty file": Nasty(lambda folder: (folder / "empty.jpg").touch(), failed=("unsupported_format",)),
    "control characters": Nasty(_named("a\nb.jpg", "tab\t.jpg", "\x01\x7f.jpg", "\x1b[31m.jpg"), good=4),
    "names that templates could take": Nasty(
        _named("{index}.jpg", "%s.jpg", "a\\b.jpg", "..a.png"), good=3, left_out=1
    ),
    "longest name": Nasty(_named("n" * 251 + ".jpg"), good=1),
    "other suffixes": Nasty(
        _named(*(f"other.{s}" for s in ("jfif", "jpe", "hif", "mpo", "pnm", "apng", "dib", "jpf", "j2c"))),
        good=9,
    ),
    "right to left": Nasty(_named("\u202egpj.jpg", "\u200b.jpg", "\ufffe.jpg", "\U0001f4f7.jpg"), good=4),
    "composed and not": Nasty(_named("\u00e9.jpg", "e\u0301.jpg"), good=2),
    "left by a Mac": Nasty(_named("._IMG_1.jpg", "__MACOSX/a.jpg", ".DS_Store"), left_out=3),
    "left by Windows": Nasty(_named("Thumbs.db", "desktop.ini"), left_out=2),
    "left by a NAS": Nasty(_named("@eaDir/a.jpg/SYNOPHOTO_THUMB.jpg", "#recycle/b.jpg"), left_out=2),
}
"""Each kind by its name; together they can stand in one folder."""


def _barred_file(folder: Path) -> None:
    picture(folder / "barred.jpg")
    (folder / "barred.jpg").chmod(0)


def _barred_folder(name: str, mode: int) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        _named(f"{name}/a.jpg")(folder)
        (folder / name).chmod(mode)

    return make


def _link_into_barred_folder(folder: Path) -> None:
    _barred_folder("cellar", 0)(folder)
    (folder / "into.jpg").symlink_to("cellar/a.jpg")


BARRED: dict[str, Nasty] = {
    "file that may not be read": Nasty(_barred_file, failed=("source_forbidden",)),
    "folder that may not be listed": Nasty(_barred_folder("shut", 0), told=("source_forbidden",)),
    "folder that may be listed and not entered": Nasty(
        _barred_folder("half", 0o444), failed=("source_forbidden",)
    ),
    "link into a folder that may not be entered": Nasty(
        _link_into_barred_folder, failed=("source_forbidden",), told=("source_forbidden",)
    ),
}
"""Those that bar others but not root; see `as_nobody`."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a new folder that every user may enter, all the way to it."""
    folder = Path(tempfile.mkdtemp(prefix="rayjobs-nasty-"))
    folder.chmod(0o755)
    try:
        yield folder.resolve()
    finally:
        for barred in ("shut", "half", "cellar"):
            if (folder / barred).exists():
                (folder / barred).chmod(stat.S_IRWXU)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom permissions bar; root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
