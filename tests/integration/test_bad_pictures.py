"""A folder full of trouble, through the whole system: one outcome a picture, and the good ones end well."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.support.batches import finished, submit
from tests.support.stack import Stack

THUMB = [{"name": "thumbnail", "size": 64}]


def bomb(side: int) -> bytes:
    """Return a PNG that declares side x side pixels and holds next to nothing."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def folder(stack: Stack, request: pytest.FixtureRequest) -> Path:
    folder: Path = stack.folder / "pictures" / request.node.name
    folder.mkdir(parents=True)
    Image.effect_noise((400, 300), 60).convert("RGB").save(folder / "good.jpg", quality=90)
    return folder


def codes(stack: Stack, folder: Path) -> dict[str, str]:
    batch = finished(stack, submit(stack, {"type": "folder", "path": str(folder)}, THUMB))
    items = stack.client.items(batch["id"])
    assert sum(batch["counts"].values()) == 2 * batch["counts"]["total"] == 2 * len(items)
    return {Path(i["source"]).name: i.get("error", {}).get("code", i["state"]) for i in items}


def test_each_bad_file_fails_alone_with_its_own_code(stack: Stack, folder: Path, tmp_path: Path) -> None:
    good = (folder / "good.jpg").read_bytes()
    (folder / "text.jpg").write_text("this is no picture", encoding="utf-8")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "bomb.png").write_bytes(bomb(65535))
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(good)
    (folder / "link.jpg").symlink_to(outside)
    assert codes(stack, folder) == {
        "bomb.png": "too_many_pixels",
        "cut.jpg": "truncated",
        "empty.jpg": "unsupported_format",
        "good.jpg": "succeeded",
        "link.jpg": "source_forbidden",
        "text.jpg": "unsupported_format",
    }


def test_the_limit_its_setting_and_the_value_are_named(stack: Stack, folder: Path) -> None:
    (folder / "bomb.png").write_bytes(bomb(20000))
    batch = finished(stack, submit(stack, {"type": "folder", "path": str(folder)}, THUMB))
    [error] = [item["error"] for item in stack.client.items(batch["id"]) if "error" in item]
    assert (error["limit"], error["actual"], error["retryable"]) == (250_000_000, 400_000_000, False)
    assert "RAYJOBS_MAX_PIXELS" in error["detail"]


def test_a_missing_file_is_one_failed_item(stack: Stack, folder: Path) -> None:
    paths = [str(folder / "good.jpg"), str(folder / "gone.jpg")]
    batch = finished(stack, submit(stack, {"type": "paths", "paths": paths, "custom_ids": ["a", "b"]}, THUMB))
    assert (batch["state"], batch["errors_by_code"]) == ("partial", {"source_not_found": 1})
    assert [item["custom_id"] for item in stack.client.items(batch["id"])] == ["a", "b"]


def test_an_empty_folder_ends_as_failed_and_says_why(stack: Stack, folder: Path) -> None:
    (folder / "good.jpg").unlink()
    batch = finished(stack, submit(stack, {"type": "folder", "path": str(folder)}, THUMB))
    assert (batch["state"], batch["counts"]["total"]) == ("failed", 0)
    assert batch["error"]["code"] == "source_not_found"
    assert str(folder) in batch["error"]["detail"]


def test_a_crop_that_does_not_fit_fails_with_its_bound(stack: Stack, folder: Path) -> None:
    crop = [{"name": "crop", "left": 350, "top": 0, "width": 100, "height": 100}]
    batch = finished(stack, submit(stack, {"type": "folder", "path": str(folder)}, crop))
    [item] = stack.client.items(batch["id"])
    assert item["error"]["code"] == "filter_failed"
    assert "400" in item["error"]["detail"]
