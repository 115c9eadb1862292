import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from rayjobs.errors import InvalidRequestError
from rayjobs.settings import Settings
from rayjobs_api.requests import multipart
from rayjobs_api.responses import UploadAnswer
from tests.support.system import System
from tests.unit.api.asking import problem_of, submitted

_FORM = "multipart/form-data; boundary=cut"


def test_uploaded_pictures_become_a_batch(client: TestClient, whole: System, pictures: Path) -> None:
    data = (pictures / "p01.jpg").read_bytes()
    files = [("file", ("one.jpg", data)), ("other", ("../two words.jpg", data))]
    response = client.post("/uploads", files=files)
    stored = TypeAdapter(list[UploadAnswer]).validate_python(response.json())
    assert response.status_code == 201
    assert [each.name for each in stored] == ["one.jpg", "two words.jpg"]
    assert {each.sha256 for each in stored} == {hashlib.sha256(data).hexdigest()}
    assert {each.bytes for each in stored} == {len(data)}
    ids = [each.id for each in stored]
    batch = whole.finished(submitted(client, source={"type": "upload", "ids": ids}))
    assert batch.counts.succeeded == 2


def test_an_upload_that_does_not_exist_is_pointed_at(client: TestClient) -> None:
    body = {"source": {"type": "upload", "ids": ["u_none"]}, "pipeline": []}
    [error] = problem_of(client.post("/batches", json=body), 422, "invalid_request").errors
    assert error.pointer == "/source/ids/0"


def test_a_file_over_the_limit_is_refused_and_nothing_of_it_is_kept(
    client_with: Callable[..., TestClient], farm_settings: Settings
) -> None:
    client = client_with(max_upload_bytes=1000)
    response = client.post("/uploads", files={"file": ("big.jpg", b"x" * 100_000)})
    assert "RAYJOBS_MAX_UPLOAD_BYTES" in problem_of(response, 413, "source_too_large").detail
    assert [p for p in Path(farm_settings.store).rglob("*") if p.is_file()] == []


def test_the_limit_ends_the_reading_at_once() -> None:
    asked = 0

    def endless() -> Iterator[bytes]:
        nonlocal asked
        yield b'--cut\r\nContent-Disposition: form-data; name="f"; filename="f.jpg"\r\n\r\n'
        while True:
            asked += 1
            yield b"x" * 1000

    [file] = [next(multipart.files(_FORM, endless()))]
    assert b"".join(next(file.chunks) for _ in range(5)) == b"x" * 5000
    assert asked <= 6


def test_files_are_found_wherever_the_chunks_are_cut() -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="note"\r\n\r\nno file\r\n'
        b'--cut\r\nContent-Type: image/jpeg\r\ncontent-disposition: form-data; filename="a.jpg"\r\n\r\n'
        b"first\r\n--cu\r\n\r\n--cut\r\n"
        b'Content-Disposition: form-data; name="f"; filename="b.jpg"\r\n\r\n\r\n--cut--\r\n'
    )
    for size in (1, 2, 7, 50, len(body)):
        chunks = [body[i : i + size] for i in range(0, len(body), size)]
        found = {file.name: b"".join(file.chunks) for file in multipart.files(_FORM, chunks)}
        assert found == {"a.jpg": b"first\r\n--cu\r\n", "b.jpg": b""}


def test_a_file_that_is_not_read_is_passed_over() -> None:
    part = b'--cut\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\ndata\r\n'
    names = [file.name for file in multipart.files(_FORM, [part % b"a", part % b"b", b"--cut--\r\n"])]
    assert names == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not multipart at all",
        b'--cut\r\nContent-Disposition: form-data; filename="f.jpg"\r\n\r\nends in the middle',
        b"--cut\r\n" + b"X: " + b"y" * 100_000,
    ],
)
def test_a_damaged_body_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        _ = [b"".join(file.chunks) for file in multipart.files(_FORM, [body])]


def test_a_body_without_a_file_is_refused(client: TestClient) -> None:
    problem_of(
        client.post("/uploads", content=b"--cut--\r\n", headers={"content-type": _FORM}),
        422,
        "invalid_request",
    )


@pytest.mark.parametrize("kind", ["image/jpeg", "multipart/form-data", "application/json"])
def test_a_body_that_is_not_a_form_is_told_how_to_be_one(client: TestClient, kind: str) -> None:
    response = client.post("/uploads", content=b"x", headers={"content-type": kind})
    assert "curl -F" in problem_of(response, 422, "invalid_request").detail
