"""The page of all filters: self-contained, with what each does, and honest about what failed."""

import json
import re
import sys
from pathlib import Path

import pytest

from rayjobs.filters import CATALOGUE
from rayjobs_cli.development import gallery
from tests.support.pictures import file_of, picture

SAMPLES = [
    gallery.Sample("<one>.png", file_of(picture(64, 48))),
    gallery.Sample("two.png", file_of(picture(9, 9))),
]


def test_each_filter_is_shown_on_each_picture() -> None:
    page = gallery.gallery({"detail": [CATALOGUE["edges"], CATALOGUE["blur"]]}, SAMPLES)
    assert page.failed == 0
    assert len(re.findall(r"<img src='data:image/webp;base64,", page.html)) == 3 * len(SAMPLES)
    assert "&lt;one&gt;.png" in page.html
    assert "{&quot;radius&quot;: 5.0}" in page.html


def test_the_page_needs_nothing_else() -> None:
    html = gallery.gallery({"detail": [CATALOGUE["edges"]]}, SAMPLES).html
    assert not re.search(r"https?://|<script|<link|url\(", html)
    assert "<!--" not in html


def test_what_an_analysis_found_is_told_in_words() -> None:
    html = gallery.gallery({"analyse": [CATALOGUE["palette"], CATALOGUE["ahash"]]}, SAMPLES[:1]).html
    assert re.search(r"<i style='background:#[0-9a-f]{6}'>", html)
    assert re.search(r"<pre>[0-9a-f]{16}</pre>", html)


def test_a_filter_that_fails_is_shown_and_counted() -> None:
    crop = gallery.gallery({"geometry": [CATALOGUE["crop"]]}, SAMPLES)
    assert crop.failed == 1
    assert "<td class=failed>crop: its right edge lies at 130 px" in crop.html


def test_the_command_writes_the_page_and_tells_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "new" / "page.html"
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--json", "--out", str(to), "--only", "flip"])
    assert gallery.main() == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["gallery"], told["filters"], told["failed"]) == (str(to), 1, 0)
    assert told["bytes"] == to.stat().st_size


def test_a_filter_that_does_not_exist_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--only", "flop"])
    with pytest.raises(SystemExit) as caught:
        gallery.main()
    assert caught.value.code == 2
