"""Makes one page that shows each filter and each analysis on each sample picture."""

import base64
import json
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import pyvips

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import Rendered, render, second_picture
from rayjobs.errors import ItemError
from rayjobs.filters import CATALOGUE, FAMILIES
from rayjobs.filters.base import Analysis, Filter
from rayjobs.places import SAMPLES
from rayjobs.request.pipeline import Pipeline, parse_pipeline
from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude

_TEMPLATE = Path(__file__).with_name("gallery_template.html")
_SIDE = 320
"""Longest side of a picture on the page, in px: the examples of the filters are made for this size."""
_SHOWN = Encoding(format="webp", quality=82)
"""WebP keeps alpha, and the page stays at about 5 MB."""
_LOSSLESS = Encoding(format="png", compression=1)


@dataclass(frozen=True)
class Sample:
    """A sample picture in the size of the page."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Page:
    """The page, and the number of its filters that failed."""

    html: str
    failed: int


def main() -> int:
    """Run the command; return the exit status."""
    parser = arguments.parser(
        "python scripts/gallery.py",
        "Write one HTML file with every filter of the catalogue on the sample pictures, before and after.",
        "--out gallery.html",
        "--only flip blur",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the page; default: gallery.html in the state directory"
    )
    parser.add_argument(
        "--only", nargs="+", choices=CATALOGUE, default=(), metavar="FILTER", help="only these filters"
    )
    given = parser.parse_args()
    return conclude(lambda: _gallery(given), as_json=given.json)


def _gallery(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    began = time.monotonic()
    to: Path = (given.out or given.state / "gallery.html").absolute()
    chosen = {
        family: [cls for cls in classes if not given.only or cls.title() in given.only]
        for family, classes in FAMILIES.items()
    }
    chosen = {family: classes for family, classes in chosen.items() if classes}
    page = gallery(chosen, samples())
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(page.html, encoding="utf-8")
    filters = sum(map(len, chosen.values()))
    result = {
        "ok": not page.failed,
        "gallery": str(to),
        "filters": filters,
        "failed": page.failed,
        "bytes": to.stat().st_size,
        "seconds": round(time.monotonic() - began, 2),
    }
    if given.json:
        print(json.dumps(result))
    terminal.say(f"{filters} filters, {page.failed} failed, in {result['seconds']} s: {to}")
    return ExitStatus.FAILED if page.failed else ExitStatus.DONE


def samples() -> list[Sample]:
    """Return the sample pictures in the size of the page, sorted by name."""
    small = parse_pipeline([{"name": "thumbnail", "size": _SIDE}])
    files = [path for path in sorted(SAMPLES.iterdir()) if path.suffix != ".md"]
    return [Sample(path.name, render(path.read_bytes(), small, _LOSSLESS, Limits()).data) for path in files]


def gallery(families: Mapping[str, list[type[Filter]]], pictures: list[Sample]) -> Page:
    """Return the page of these filters; each runs with its own example on each picture."""
    before = "".join(_picture(_made(each, Pipeline()), each.name) for each in pictures)
    sections, failed = [], 0
    for family, classes in families.items():
        rows = [_row(cls, pictures) for cls in classes]
        failed += sum("class=failed" in row for row in rows)
        sections.append(f"<tbody id={family}><tr><th colspan=9>{family}</th></tr>{''.join(rows)}</tbody>")
    links = "".join(f"<a href='#{family}'>{family}</a>" for family in families)
    html = _TEMPLATE.read_text(encoding="utf-8")
    for mark, text in (("LINKS", links), ("BEFORE", before), ("ROWS", "".join(sections))):
        html = html.replace(f"<!--{mark}-->", text, 1)
    return Page(html, failed)


def _row(cls: type[Filter], pictures: list[Sample]) -> str:
    example = cls.example()
    parameters = {key: value for key, value in example.items() if key != "name"}
    shown = json.dumps(parameters, ensure_ascii=False) if parameters else ""
    summary = escape(cls.summary().replace("`", ""))
    name = f"<b>{example['name']}</b><p>{summary}</p><code>{escape(shown)}</code>"
    return f"<tr><td>{name}</td>{''.join(_cell(cls, each) for each in pictures)}</tr>"


def _cell(cls: type[Filter], sample: Sample) -> str:
    try:
        rendered = _made(sample, parse_pipeline([cls.example()]))
    except ItemError as error:
        return f"<td class=failed>{escape(error.detail)}</td>"
    if issubclass(cls, Analysis):
        return f"<td>{_finding(rendered.analysis[cls.example()['name']])}</td>"
    return _picture(rendered, f"{rendered.output.width} x {rendered.output.height}")


def _made(sample: Sample, pipeline: Pipeline) -> Rendered:
    return render(sample.data, pipeline, _SHOWN, Limits(), _second)


@cache
def _second(reference: str) -> pyvips.Image:
    return second_picture((SAMPLES / reference.removeprefix("sample:")).read_bytes(), Limits())


def _picture(rendered: Rendered, caption: str) -> str:
    uri = f"data:image/webp;base64,{base64.b64encode(rendered.data).decode('ascii')}"
    return f"<td><img src='{uri}' alt=''><small>{escape(caption)}</small></td>"


def _finding(finding: object) -> str:
    """Return the result of an analysis as HTML; a palette shows its colours."""
    if isinstance(finding, list) and finding and isinstance(finding[0], dict):
        rows = ((each["colour"], f"{each['share']:.0%}") for each in finding)
        return "".join(f"<i style='background:{c}'></i><code>{c} {share}</code><br>" for c, share in rows)
    text = finding if isinstance(finding, str) else json.dumps(finding, ensure_ascii=False, indent=1)
    return f"<pre>{escape(text)}</pre>"
