"""Makes the report of a run: one self-contained page with charts, tables and pictures."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image, ImageOps

from rayjobs.places import SAMPLES
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_cli.load_test.verdict import errors_by_code

_TEMPLATE = Path(__file__).with_name("report_template.html")
_MARK = "/*DATA*/"
"""The place in the template where the data of the run goes."""
_SIDE = 640
"""Longest side of a picture in the report, in pixels: sharp at its size on the page, about 60 kB."""
_QUALITY = 82
_DARK = 64
"""A picture whose levels all lie below this one is brightened for the report."""
_HIGHLIGHTS = 1
"""Per cent of the pixels that may be brighter: a few sparks do not make a picture bright."""
_SAMPLE = "sample:"


@dataclass
class Pairs:
    """Pairs of pictures, before and after, of the first `most` sources; safe to call from many threads."""

    most: int
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def offer(self, item: Mapping[str, Any], recorded: Mapping[str, Any], output: bytes) -> None:
        """Keep the source of an item and one of its outputs, unless the source is missing or kept already.

        Args:
            item: As the API returned it.
            recorded: The record of the output.
            output: Its bytes.
        """
        name = str(item["source"])
        source = SAMPLES / name.removeprefix(_SAMPLE)
        with self._lock:
            if len(self._found) >= self.most or name in self._found or not source.is_file():
                return
            self._found[name] = {}
        before, _ = small(source.read_bytes())
        after, brightened = small(output)
        pair = {
            "name": source.name,
            "before": before,
            "after": after,
            "brightened": brightened,
            "size_before": _size(item.get("input")),
            "size_after": _size(recorded),
            "duration_ms": item.get("duration_ms"),
        }
        self._found[name] = pair

    def pictures(self) -> list[dict[str, Any]]:
        """Return the pairs that were kept, sorted by the name of the source."""
        return [self._found[name] for name in sorted(self._found)]


def small(picture: bytes) -> tuple[str, bool]:
    """Return a picture as a small upright JPEG in a `data:` URI, and whether it was brightened.

    The edges of a blurred photograph are a few levels above black: right, but a person sees nothing there.
    """
    with Image.open(io.BytesIO(picture)) as opened:
        opened.draft("RGB", (_SIDE * 2, _SIDE * 2))
        image = ImageOps.exif_transpose(opened)
        image.thumbnail((_SIDE, _SIDE))
        rgba = image.convert("RGBA")
    opaque, colours = rgba.getchannel("A"), rgba.convert("RGB")
    dark = _brightest(colours, opaque) < _DARK
    if dark:
        colours = ImageOps.autocontrast(colours, cutoff=(0, _HIGHLIGHTS), mask=opaque, preserve_tone=True)
    flat = Image.new("RGB", colours.size, "white")
    flat.paste(colours, mask=opaque)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii"), dark


def _brightest(image: Image.Image, opaque: Image.Image) -> int:
    """Return the highest level of the opaque pixels, 0 to 255, without the highlights."""
    histogram = image.convert("L").histogram(opaque)
    above = sum(histogram) * _HIGHLIGHTS / 100
    for level in range(255, 0, -1):
        above -= histogram[level]
        if above < 0:
            return level
    return 0


def render(
    load_test: Mapping[str, Any], snapshots: Sequence[Snapshot], pairs: Sequence[Mapping[str, Any]]
) -> str:
    """Return the page of a run as HTML.

    Args:
        load_test: The run as `--json` prints it.
        snapshots: Of the run, in order.
        pairs: From `Pairs.pictures`.
    """
    last = snapshots[-1]
    data = {
        **load_test,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "slots": max(sum(worker["slots"] for worker in one.workers) for one in snapshots),
        "errors": errors_by_code(last.batches),
        "series": _series(snapshots),
        "events": [[round(one.t_s, 1), event] for one in snapshots for event in one.events],
        "pairs": list(pairs),
    }
    # A file name that contains a tag must stay text: no `<` reaches the page.
    safe = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return _TEMPLATE.read_text(encoding="utf-8").replace(_MARK, safe, 1)


def _series(snapshots: Sequence[Snapshot]) -> dict[str, list[Any]]:
    """Return each figure over time; the figures of a worker group only if every snapshot has them."""
    series: dict[str, list[Any]] = {
        "t": [round(one.t_s, 2) for one in snapshots],
        "speed": [round(one.images_per_s, 2) for one in snapshots],
        "queue": [one.waiting for one in snapshots],
        "cpu": [round(one.cpu_percent, 1) for one in snapshots],
        "workers": [len(one.workers) for one in snapshots],
    }
    seen = [one.group_status for one in snapshots if one.group_status is not None]
    if not seen or len(seen) < len(snapshots):
        return series
    return series | {
        "floor": [each.floor for each in seen],
        "wanted": [each.wanted for each in seen],
        "ready": [len(each.ready) for each in seen],
        "target": [each.cpu.target for each in seen],
        "memory": [each.memory.percent or 0 for each in seen],
        "busy": [one.busy_slots for one in snapshots],
    }


def _size(picture: Mapping[str, Any] | None) -> str:
    return f"{picture['width']} x {picture['height']}" if picture else ""
