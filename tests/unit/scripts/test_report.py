import base64
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rayjobs_cli.load_test import report
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_k8s.scaling.group_status import GroupStatus, Usage

BATCH: dict[str, Any] = {
    "id": "b_<script>",
    "state": "partial",
    "counts": {"total": 4, "pending": 1, "running": 0, "succeeded": 2, "cached": 0, "failed": 1},
    "errors_by_code": {"decode_failed": 1},
    "throughput_per_s": 1.0,
}
WORKER = {"slots": 2, "cpu_percent": 120.0}


def picture(size: tuple[int, int], form: str = "JPEG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "teal").save(out, form)
    return out.getvalue()


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def rendered(faults: Sequence[str] = ()) -> str:
    snapshots = [Snapshot(0.1, (BATCH,), (WORKER,), {}, 0.0), Snapshot(0.6, (BATCH,), (WORKER,), {}, 3.21)]
    return report.render({"ok": False, "faults": list(faults), "batches": [BATCH]}, snapshots, [])


def test_the_page_holds_the_run_as_data() -> None:
    data = data_of(rendered())
    assert data["series"]["speed"] == [0.0, 3.21]
    assert data["series"]["queue"] == [1, 1]
    assert data["errors"] == {"decode_failed": 1}
    assert data["slots"] == 2


def test_a_run_on_a_cluster_has_its_worker_group_on_the_same_axis_and_what_happened_to_it() -> None:
    group = GroupStatus(Usage(50, 143), Usage(80, 31), 4, 4, 1, 10, 60, frozenset("ab"), frozenset("c"))
    events = ("HPA raised the floor 1 -> 4 (cpu 143%/50%)",)
    seen = Snapshot(0.6, (BATCH,), (WORKER | {"busy_slots": 1},), {}, 3.21, group, events)
    data = data_of(report.render({"ok": True, "faults": [], "batches": [BATCH]}, [seen], []))
    assert data["events"] == [[0.6, events[0]]]
    figures = {key: data["series"][key] for key in ("cpu", "target", "floor", "wanted", "ready", "busy")}
    assert figures == {"cpu": [143.0], "target": [50], "floor": [4], "wanted": [1], "ready": [2], "busy": [1]}


def test_without_a_cluster_there_is_no_group() -> None:
    assert "floor" not in data_of(rendered())["series"]


def test_a_name_with_a_tag_can_not_end_the_data() -> None:
    page = rendered(faults=["</script><script>alert(1)</script>"])
    assert data_of(page)["faults"] == ["</script><script>alert(1)</script>"]
    assert data_of(page)["batches"][0]["id"] == "b_<script>"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    outside = re.findall(
        r"""(?:src|href)\s*=\s*["'](?!data:)|https?://(?!www\.w3\.org/2000/svg)""", rendered()
    )
    assert outside == []


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("WEBP", "RGB")])
def test_a_picture_becomes_a_small_jpeg(form: str, mode: str) -> None:
    uri, brightened = report.small(picture((1600, 1200), form, mode))
    assert uri.startswith("data:image/jpeg;base64,")
    assert not brightened


def test_a_picture_too_dark_to_be_seen_is_brightened() -> None:
    faint = Image.linear_gradient("L").point(lambda level: level // 16)
    out = io.BytesIO()
    faint.save(out, "PNG")
    uri, brightened = report.small(out.getvalue())
    assert brightened
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as shown:
        assert shown.convert("L").getextrema() == (0, 255)


def test_pairs_are_of_different_sources_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(picture((30, 20)))
    monkeypatch.setattr(report, "SAMPLES", tmp_path)
    pairs = report.Pairs(2)
    for name in ("b.jpg", "b.jpg", "away.jpg", "a.jpg", "c.jpg"):
        pairs.offer({"source": f"sample:{name}", "input": {"width": 30, "height": 20}}, {}, picture((8, 8)))
    found = pairs.pictures()
    assert [pair["name"] for pair in found] == ["a.jpg", "b.jpg"]
    assert found[0]["size_before"] == "30 x 20"
