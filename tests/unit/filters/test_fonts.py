"""A text looks as the machine's fonts make it: where they differ, so does what a cache goes by."""

import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import ImageFont

from rayjobs.filters.text import Text

ROOT = Path(__file__).resolve().parents[3]
FAMILY = "Bileron"
_MACHINE = """
import hashlib, os, pyvips, sys
from rayjobs.filters.text import Text
for folder in sys.argv[1:]:  # fontconfig looks once in a process
    if os.fork() == 0:
        os.environ["FONTCONFIG_FILE"] = folder + "/fonts.conf"
        black = pyvips.Image.black(300, 80, bands=3).copy(interpretation="srgb")
        texts = [Text(text="fonts decide", font=font, size=40) for font in ("Bileron", "Aileron")]
        seen = [each for text in texts for each in (text.surroundings(), text.apply(black).write_to_memory())]
        os.write(1, " ".join(hashlib.sha256(each).hexdigest() for each in seen).encode() + b"\\n")
        os._exit(0)
    os.wait()
"""


@dataclass(frozen=True)
class Seen:
    """Hashes of what a machine draws with a font."""

    surroundings: str
    pixels: str


def font_of(*, em: int) -> bytes:
    """Return the built-in font under another family's name, drawn `em` units large."""
    font = ImageFont.load_default(10)
    assert isinstance(font, ImageFont.FreeTypeFont)
    data = bytearray(font.font_bytes)
    for encoding in ("ascii", "utf-16-be"):
        data = data.replace("Aileron".encode(encoding), FAMILY.encode(encoding))
    [head] = (at for at in range(12, 12 + 16 * data[5], 16) if data[at : at + 4] == b"head")
    struct.pack_into(">H", data, struct.unpack_from(">I", data, head + 8)[0] + 18, em)
    return bytes(data)


def machine_with(font: bytes | None, folder: Path) -> str:
    """Make a machine that has this font alone; return its folder."""
    folder.mkdir()
    (folder / "fonts.conf").write_text(
        f"<fontconfig><dir>{folder}</dir><cachedir>{folder}</cachedir></fontconfig>", encoding="utf-8"
    )
    if font is not None:
        (folder / "font.ttf").write_bytes(font)
    return str(folder)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Seen, Seen]]:
    """Return what each machine draws in the family, and in the built-in one."""
    fonts = {"one": font_of(em=900), "same": font_of(em=900), "other": font_of(em=1100), "none": None}
    folder = tmp_path_factory.mktemp("machines")
    asked = [sys.executable, "-c", _MACHINE, *(machine_with(font, folder / n) for n, font in fonts.items())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(asked, env=environment, capture_output=True, encoding="utf-8", check=True).stdout
    rows = (line.split() for line in said.splitlines())
    return {name: (Seen(*row[:2]), Seen(*row[2:])) for name, row in zip(fonts, rows, strict=True)}


def test_a_changed_font_and_a_missing_one_are_told_apart(machines: dict[str, tuple[Seen, Seen]]) -> None:
    drawn = {name: family for name, (family, _) in machines.items()}
    assert drawn["one"] == drawn["same"]
    for told in ("surroundings", "pixels"):
        assert len({getattr(drawn[name], told) for name in ("one", "other", "none")}) == 3


def test_a_text_in_the_built_in_font_cares_for_no_other(machines: dict[str, tuple[Seen, Seen]]) -> None:
    assert len({built_in for _, built_in in machines.values()}) == 1


def test_the_longest_text_is_drawn_and_one_of_which_nothing_is_seen_decides_nothing() -> None:
    longest = Text(text="漢" * 500, size=2000)
    assert len(longest.surroundings()) > 10**6
    assert longest.surroundings() == longest.surroundings() != Text(text="漢" * 499, size=2000).surroundings()
    assert Text(text="\u200b").surroundings() == b""
