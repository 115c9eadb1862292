"""An API is killed in mid-upload, an engine's slot in mid-write: what they leave is gone within its bound."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.faults import Harmed, harmed_stack
from tests.support.waiting import wait_until

AGE_S = 16.0
LIVES = {"RAYJOBS_TIDY_AFTER_S": "16", "RAYJOBS_ITEM_DEADLINE_S": "8", "RAYJOBS_BODY_SILENCE_S": "6"}
BOUND_S = 1.5 * AGE_S + 15
"""One and a half of the age, and what a busy machine adds."""


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harmed]:
    with harmed_stack(tmp_path_factory.mktemp("killed"), LIVES) as stack:
        yield stack


def store(harmed: Harmed) -> Path:
    return harmed.stack.folder / "store"


def half_sent(harmed: Harmed) -> list[Path]:
    return list((store(harmed) / "uploads").rglob(".part-*"))


def half_written(harmed: Harmed) -> set[Path]:
    return set((store(harmed) / "outputs" / ".parts").glob("*/*"))


def test_an_upload_whose_api_was_killed_is_tidied(short_lived: Harmed) -> None:
    at = urlsplit(short_lived.stack.api)
    head = (
        f"POST /uploads HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: 9000000\r\n"
        "Content-Type: multipart/form-data; boundary=cut\r\n\r\n"
        '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    )
    with socket.create_connection((at.hostname or "", at.port or 80), 5) as link:
        link.sendall(head.encode() + b"x" * 3_000_000)
        wait_until(lambda: half_sent(short_lived), 20, "a part of the upload stands in the store")
        short_lived.kill("api")
    assert half_sent(short_lived), "who is killed tidies nothing"
    wait_until(lambda: not half_sent(short_lived), BOUND_S, "the half upload is gone")
    uploads = store(short_lived) / "uploads"
    assert [path for path in uploads.glob("*") if not any(path.iterdir())] == []
    short_lived.is_whole()


def test_a_picture_whose_slot_was_killed_is_tidied(short_lived: Harmed) -> None:
    batch_id = short_lived.submit()
    short_lived.in_the_middle(batch_id)
    slot = short_lived.busy_slot()
    slot.kill()
    # What its engine has left beside is put there by us: no test can stop a write at its middle.
    left = store(short_lived) / "outputs" / ".parts" / f"dead-{slot.pid}" / ".part-dead"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    short_lived.ended(batch_id)
    wait_until(lambda: not left.parent.exists(), BOUND_S, "what the slot has half written is gone")
    assert left not in half_written(short_lived)
    assert list((store(short_lived) / "outputs" / batch_id).rglob(".part-*")) == []
